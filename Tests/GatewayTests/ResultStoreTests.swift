import EventLog
import Glibc
import Synchronization
import Testing

@testable import Gateway

/// Counts what it is told, and waits on.
private final class Watcher: ResultWatcher {
    let arrived = Mutex<[Int64]>([])

    func arrived(_ arrival: Arrival) -> Bool {
        arrived.withLock { $0.append(arrival.result.round) }
        return false
    }

    func giveUp() {}
}

@Suite struct ResultStoreTests {
    private let scratch = Scratch()
    private var directory: String { scratch.path }

    private func add(_ round: Int64, to store: ResultStore) throws {
        let bytes = Array("weights of \(round)".utf8)
        let result = StoredResult(
            round: round, messageID: "m\(round)", position: .init(topic: "t", partition: 0, offset: round),
            digest: "ab", size: bytes.count, counted: [:], logPositions: [:], timestamp: 1)
        try store.add(result) { piece in try bytes.withUnsafeBytes(piece) }
    }

    private func fails(_ round: Int64, _ store: ResultStore) {
        #expect(throws: (any Error).self) { try add(round, to: store) }
    }

    @Test func whatTheDiskDoesNotTakeIsAnsweredAndFinishedLater() throws {
        let store = try ResultStore(directory, Retention(rounds: 1))
        try add(1, to: store)
        let watcher = Watcher()
        _ = store.watch(nil, watcher)
        // In the way of the sidecar.
        let obstacle = directory + "/round-2.json.tmp"
        try #require(mkdir(obstacle, 0o700) == 0)
        for _ in 1...3 {
            fails(2, store)
            let latest = try #require(store.latest)
            #expect(latest.round == 2 && latest.isUnsynced)
            #expect(store.slice(of: latest, latest.representations.all[0]) != nil)
            #expect(store[1]?.isExpired == false)
        }
        // Its copies do not say that it is there.
        let form = directory + "/form.tmp"
        close(open(form, O_CREAT | O_WRONLY, 0o600))
        try store.addForm("npz", of: #require(store[2]), .init(digest: "cd", size: 0), from: "form.tmp")
        #expect(store[2]?.forms.isEmpty == false && access(directory + "/round-2.json", F_OK) != 0)
        try #require(rmdir(obstacle) == 0)
        try add(2, to: store)
        #expect(store.latest?.round == 2 && store.latest?.isUnsynced == false)
        #expect(store[1]?.isExpired == true)
        #expect(watcher.arrived.withLock { $0 } == [2])
        #expect(try ResultStore(directory, Retention()).all == store.all)
        #expect(store[2]?.forms.count == 1)
    }

    @Test func whatTheDiskDoesNotTakeOutlivesRetention() throws {
        let store = try ResultStore(directory, Retention(rounds: 1))
        try #require(mkdir(directory + "/round-1.json.tmp", 0o700) == 0)
        fails(1, store)
        try add(2, to: store)
        try add(3, to: store)
        #expect(store.all.values.filter { !$0.isExpired }.map(\.round).sorted() == [1, 3])
    }
}
