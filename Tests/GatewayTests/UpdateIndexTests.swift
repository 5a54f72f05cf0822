import Compression
import Envelopes
import EventLog
import Testing

@testable import Gateway

private func update(
    _ offset: Int64, _ body: UInt8, client: String = "a", key: String? = nil, partition: Int32 = 0
) -> StoredUpdate {
    let receipt = Receipt(
        messageID: "\(partition)-\(offset)", round: 1, clientID: client,
        position: Position(topic: "t", partition: partition, offset: offset), arrays: 1, parameters: 1, originalSize: 1,
        storedSize: 1, checksum: "", compression: .none, filter: .none, compressionRatio: 1)
    return StoredUpdate(fingerprint: [body], idempotencyKey: key, timestamp: Double(offset), receipt: receipt)
}

extension UpdateIndex.Verdict {
    fileprivate var text: String {
        switch self {
        case .new: "new"
        case .repeated(let receipt): receipt.messageID
        case .unknown: "unknown"
        }
    }
}

@Suite struct UpdateIndexTests {
    @Test func nothingIsReadBackWhileOffsetsFollowOneAnother() {
        var index = UpdateIndex()
        #expect(index.appended(update(0, 1)).text == "unknown")
        index.advance(to: [0: 0, 1: 7])
        #expect(index.appended(update(0, 1)).text == "new")
        #expect(index.appended(update(1, 1)).text == "0-0")
        #expect(index.appended(update(2, 2)).text == "new")
        #expect(index.appended(update(3, 1)).text == "new")
        #expect(index.appended(update(7, 1, client: "b", partition: 1)).text == "new")
        index.passed(Position(topic: "t", partition: 0, offset: 4))
        #expect(index.appended(update(5, 1)).text == "0-3")
        #expect(index.known == [0: 6, 1: 8])
    }

    @Test func aGapHasToBeRead() {
        var index = UpdateIndex()
        index.advance(to: [0: 0])
        let own = update(2, 9)
        #expect(index.appended(own).text == "unknown")
        let isNew = [update(0, 8), update(1, 9), own].map { index.read($0) }
        #expect(isNew == [true, true, false])
        index.advance(to: [0: 3])
        #expect(index.verdict(on: own).text == "0-1")
        #expect(index.appended(update(3, 7)).text == "new")
    }

    @Test func whatTheReaderSawFirstIsStillOurs() {
        var index = UpdateIndex()
        let own = update(0, 1)
        #expect([own].map { index.read($0) } == [true])
        index.advance(to: [0: 1])
        #expect(index.appended(own).text == "new")
    }

    @Test func keysOutliveLaterUpdates() {
        var index = UpdateIndex()
        for (offset, body) in [UInt8(1), 2, 3].enumerated() {
            #expect([update(Int64(offset), body, key: "k\(body)")].map { index.read($0) } == [true])
        }
        let client = index.rounds[1]?.clients["a"]
        #expect(client?.byKey.mapValues(\.receipt.messageID) == ["k1": "0-0", "k2": "0-1", "k3": "0-2"])
        #expect(client?.latest.receipt.messageID == "0-2" && index.rounds[1]?.firstTimestamp == 0)
    }

    @Test func whatSaysNothingOfItsBodyIsNeverARepeat() {
        var index = UpdateIndex()
        var foreign = update(0, 0)
        foreign = StoredUpdate(fingerprint: nil, idempotencyKey: nil, timestamp: 0, receipt: foreign.receipt)
        #expect([foreign].map { index.read($0) } == [true])
        let other = StoredUpdate(fingerprint: nil, idempotencyKey: nil, timestamp: 1, receipt: update(1, 0).receipt)
        #expect([other].map { index.read($0) } == [true])
        #expect(index.rounds[1]?.clients["a"]?.latest.receipt.messageID == "0-1")
    }
}
