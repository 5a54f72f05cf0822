internal import Envelopes
internal import EventLog
internal import WireJSON

/// An update that the log has.
struct StoredUpdate: Sendable {
    let fingerprint: [UInt8]?
    let idempotencyKey: String?
    /// The message's own time, seconds since 1970.
    let timestamp: Double
    let receipt: Receipt
}

extension StoredUpdate {
    init(_ sealed: SealedRecord, _ form: UploadForm, _ request: UploadRequest, at position: Position) {
        fingerprint = UpdateMetadata.fingerprint(
            sealed.message, modelVersion: request.modelVersion, request.dataType)
        idempotencyKey = request.idempotencyKey
        timestamp = sealed.message.timestamp
        receipt = Receipt(sealed, at: position)
    }

    init(_ opened: borrowing OpenedMessage, at position: Position) {
        fingerprint = UpdateMetadata.fingerprint(
            opened.message, modelVersion: opened.package.modelVersion, opened.package.dataType)
        idempotencyKey = opened.message.metadata[UpdateMetadata.idempotencyKey]?.stringValue
        timestamp = opened.message.timestamp
        receipt = Receipt(opened, at: position)
    }
}

/// Who has reported what to which round, as far as the log was read.
///
/// It decides; it does no I/O.
struct UpdateIndex: Sendable {
    /// A round with updates.
    struct Round: Sendable {
        var firstTimestamp: Double
        var clients: [String: Client] = [:]
    }

    /// One client's updates of one round.
    struct Client: Sendable {
        /// Of those that counted when they came.
        var latest: StoredUpdate
        var byKey: [String: StoredUpdate] = [:]
    }

    /// What became of an update that this gateway has appended.
    enum Verdict {
        /// It is the first of its kind.
        case new
        /// The same one was there before.
        case repeated(Receipt)
        /// Records lie before it that were not read yet; they may be the same one.
        case unknown
    }

    /// Rounds that are closed are kept so long as all have no more updates than this.
    private static let mostUpdates = 200_000

    private(set) var rounds: [Int64: Round] = [:]
    /// By partition, the offset up to which everything is known.
    private(set) var known: [Int32: Int64] = [:]
    private var count = 0

    /// Notes that everything before these offsets was read.
    mutating func advance(to offsets: [Int32: Int64]) { known.merge(offsets) { max($0, $1) } }

    /// Notes a record of this gateway's that is no update: a chunk.
    mutating func passed(_ position: Position) {
        if known[position.partition] == position.offset { known[position.partition] = position.offset + 1 }
    }

    /// Notes an update that this gateway has appended.
    mutating func appended(_ update: StoredUpdate) -> Verdict {
        let position = update.receipt.position
        guard let next = known[position.partition], next >= position.offset else { return .unknown }
        if next == position.offset {
            known[position.partition] = next + 1
            _ = read(update)
        }
        return verdict(on: update)
    }

    /// What an update of this gateway's is, once everything before it was read.
    func verdict(on update: StoredUpdate) -> Verdict {
        let receipt = update.receipt
        guard let client = rounds[receipt.round]?.clients[receipt.clientID] else { return .new }
        let same = update.idempotencyKey.flatMap { client.byKey[$0] } ?? client.latest
        guard same.fingerprint == update.fingerprint, same.receipt.messageID != receipt.messageID else { return .new }
        return .repeated(same.receipt)
    }

    /// Notes an update as it is read, in the order of its partition.
    ///
    /// - Returns: false when the same one was there before.
    mutating func read(_ update: StoredUpdate) -> Bool {
        let receipt = update.receipt
        var round = rounds[receipt.round] ?? Round(firstTimestamp: update.timestamp)
        defer { rounds[receipt.round] = round }
        guard var client = round.clients[receipt.clientID] else {
            var client = Client(latest: update)
            if let key = update.idempotencyKey { client.byKey[key] = update }
            round.clients[receipt.clientID] = client
            count += 1
            return true
        }
        let isRepeat = update.fingerprint != nil && client.latest.fingerprint == update.fingerprint
        if !isRepeat { client.latest = update }
        if let key = update.idempotencyKey, client.byKey[key] == nil {
            client.byKey[key] = isRepeat ? client.latest : update
            count += 1
        }
        round.clients[receipt.clientID] = client
        return !isRepeat
    }

    /// Forgets the lowest closed rounds when there is too much.
    mutating func prune(_ isClosed: (Int64) -> Bool) {
        guard count > Self.mostUpdates else { return }
        for number in rounds.keys.sorted() where count > Self.mostUpdates / 2 && isClosed(number) {
            for client in rounds.removeValue(forKey: number)?.clients.values ?? [:].values {
                count -= 1 + client.byKey.count
            }
        }
    }
}
