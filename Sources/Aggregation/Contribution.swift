internal import EventLog

/// One counted update: who, which message, where it stands, and the name of the file that holds its arrays.
struct Contribution: Sendable, Hashable {
    let clientID: String
    let messageID: String
    let position: Position
    let samples: Int64
    /// Within the spool's directory.
    let file: String
}
