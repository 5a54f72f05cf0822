import Glibc
import Testing

/// A directory for one test, and Python's standard library to read and write in it.
final class Python {
    let directory: String

    init() throws {
        let template = try #require(strdup("/tmp/fedgate-test-XXXXXX"))
        defer { free(template) }
        directory = String(cString: try #require(mkdtemp(template)))
    }

    deinit {
        if let listing = opendir(directory) {
            while let entry = readdir(listing) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                unlink(path(name))
            }
            closedir(listing)
        }
        rmdir(directory)
    }

    private func path(_ name: String) -> String { "\(directory)/\(name)" }

    static let isThere: Bool = {
        run(["python3", "-c", ""], errors: "/dev/null") == 0
    }()

    func put(_ bytes: some Sequence<UInt8>, _ name: String) throws {
        let file = try #require(fopen(path(name), "wb"))
        defer { fclose(file) }
        let bytes = Array(bytes)
        try #require(fwrite(bytes, 1, bytes.count, file) == bytes.count)
    }

    func get(_ name: String) throws -> [UInt8] {
        let file = try #require(fopen(path(name), "rb"), "\(name) was not written")
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&piece, 1, piece.count, file)
            if count == 0 { return bytes }
            bytes += piece[..<count]
        }
    }

    /// Runs a script with the directory as its argument, and says what went wrong.
    func run(_ script: String) throws {
        let status = Self.run(["python3", "-c", script, directory], errors: path("errors"))
        let errors = String(decoding: try get("errors"), as: UTF8.self)
        #expect(status == 0, "\(errors)")
    }

    private static func run(_ arguments: [String], errors: String) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        var strings: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for string in strings { free(string) } }
        var process = pid_t()
        guard posix_spawnp(&process, arguments[0], &actions, nil, &strings, environ) == 0 else { return -1 }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return status
    }
}
