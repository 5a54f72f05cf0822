import Foundation

/// A real broker for the tests: one that runs already (`FEDGATE_TEST_KAFKA=host:port`), or one that is started from
/// `KAFKA_HOME` with its `bin/local-cluster` and ended with this process.
enum Broker {
    static let missing =
        "needs a broker: set KAFKA_HOME to a Kafka with bin/local-cluster, or FEDGATE_TEST_KAFKA=host:port"

    /// Nil when there is none.
    static let address: String? = {
        let environment = ProcessInfo.processInfo.environment
        if let address = environment["FEDGATE_TEST_KAFKA"], !address.isEmpty { return address }
        guard let home = environment["KAFKA_HOME"], !home.isEmpty else { return nil }
        let cluster = home + "/bin/local-cluster"
        guard FileManager.default.isExecutableFile(atPath: cluster) else { return nil }
        let directory = NSTemporaryDirectory() + "fedgate-kafka-\(getpid())"
        let port = 20_000 + Int(getpid()) % 20_000
        guard run(cluster, ["start", "-d", directory, "-p", String(port)]) == 0 else { return nil }
        script = cluster
        data = directory
        atexit {
            if let script = Broker.script, let data = Broker.data { _ = Broker.run(script, ["destroy", "-d", data]) }
        }
        return "127.0.0.1:\(port)"
    }()

    nonisolated(unsafe) private static var script: String?
    nonisolated(unsafe) private static var data: String?

    /// Waits for the process that was started and for no other: Foundation's `Process` would also wait for the brokers,
    /// which inherit what it listens to.
    private static func run(_ path: String, _ arguments: [String]) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor: Int32 in 0...2 {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        var words = ([path] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var process = pid_t()
        guard posix_spawn(&process, path, &actions, nil, &words, environ) == 0 else { return -1 }
        var status: Int32 = 0
        guard waitpid(process, &status, 0) == process else { return -1 }
        return status
    }
}
