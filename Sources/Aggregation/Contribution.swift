internal import EventLog
internal import Telemetry
internal import WireJSON

/// One counted update: who, which message, where it stands, and the name of the file that holds its arrays.
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
    /// Where in the file each array of the round begins; its elements are dense, little-endian, in C order.
    let offsets: [Int]
}
