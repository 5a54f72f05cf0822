internal import EventLog
internal import Files
internal import Telemetry
internal import WireJSON

/// One counted update: who, which message, where it stands, and where its arrays lie.
struct Contribution: Sendable, Hashable {
    let clientID: String
    let messageID: String
    let position: Position
    /// Where the first of its records stands: the first chunk, when it has chunks.
    let begin: Position
    let samples: Int64
    /// Of the body, where a gateway said it, and what the client said with it.
    let said: [String: JSONValue]
    /// Where its upload stood in a trace, where the record says so.
    let trace: TraceContext?
    /// Within the spool's directory.
    let file: String
    /// Where its bytes lie, in that file or in the log's.
    let bytes: FileExtents
    /// Where among the bytes each array of the round begins; its elements are dense, little-endian, in C order.
    let offsets: [Int]
}
