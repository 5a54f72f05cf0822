/// Gives the body of an answer piece by piece, for as long as the client listens.
///
/// Nobody waits for it: while there is nothing, the connection is suspended, and `Exchange.resume()` has it asked again. It is
/// asked only when the piece before has left, so that a client that reads slowly costs no more memory than one piece.
///
/// Thread: the exchange's worker, one call at a time; it must not block.
public protocol BodySource: AnyObject, Sendable {
    /// What comes next.
    func next() -> BodyStep
}

/// What a source has.
public enum BodyStep: Sendable {
    /// Bytes; none ask again at once.
    case bytes([UInt8])
    /// Nothing until `Exchange.resume()`, which may have come already.
    case wait
    /// The body ends here.
    case end
}
