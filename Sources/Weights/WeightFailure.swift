/// Why weights were refused, with the place: the client can mend its encoder from this alone.
public struct WeightFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// For a person: the field, what was found and what is admitted.
    public var reason: String
    /// Byte offset into the decoded body at which the refused field begins.
    public var offset: UInt64
    /// Index of the array concerned.
    public var array: Int?
    /// Name of the array concerned, as much of it as an answer takes.
    public private(set) var name: String?
    /// The limit that was passed, where one was.
    public var limit: UInt64?

    /// A refusal.
    ///
    /// - Parameters:
    ///   - reason: field, value and what is admitted.
    ///   - offset: bytes from the start of the decoded body.
    ///   - array: index of the array concerned.
    ///   - name: of the array concerned; who throws gives it only where nobody else could (`naming`).
    ///   - limit: the limit that was passed.
    public init(
        _ reason: String, at offset: UInt64, array: Int? = nil, name: String? = nil, limit: UInt64? = nil
    ) {
        self.reason = reason
        self.offset = offset
        self.array = array
        self.name = name?.excerpt
        self.limit = limit
    }

    /// All of it in one line.
    public var description: String {
        let array = [array.map { "\($0)" }, name?.debugDescription].compactMap { $0 }
        return "\(reason), at byte \(offset)" + (array.isEmpty ? "" : ", array \(array.joined(separator: " "))")
    }

    /// Gives a refusal the name of its array, which whoever met the fault did not have at hand.
    ///
    /// - Parameters:
    ///   - error: stays as it is when it concerns no array, has a name or is another error.
    ///   - name: of the array with that index, as far as it is known.
    public static func naming(_ error: any Error, by name: (Int) -> String?) -> any Error {
        guard var failure = error as? WeightFailure, failure.name == nil, let array = failure.array else {
            return error
        }
        failure.name = name(array)?.excerpt
        return failure
    }
}
