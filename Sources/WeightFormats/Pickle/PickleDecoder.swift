internal import Weights

/// Reads weights from a pickle, protocols 2 to 5, as its bytes arrive (protocol.md, section 2).
///
/// Admitted at the top: one array, a list or tuple of arrays, a dict or `OrderedDict` from names to arrays, and
/// `{"weights": any of these, "metadata": dict}`. Nothing of a pickle is executed: any global or opcode that arrays,
/// dicts, lists, tuples, strings, bytes and numbers do not need is refused where it stands.
///
/// Thread: one at a time.
public final class PickleDecoder: WeightDecoder {
    private let limits: DecodeLimits
    private var machine: PickleMachine

    /// A decoder at the start of a body.
    ///
    /// - Parameter limits: what the body may claim; names and metadata share `metadataBytes`.
    public init(limits: DecodeLimits) {
        self.limits = limits
        machine = PickleMachine(limits: limits)
    }

    /// Takes the next bytes of the body, in pieces of any length.
    ///
    /// - Throws: `WeightFailure` with the offset of the opcode that is refused, and what the sink throws.
    public func feed(_ piece: UnsafeRawBufferPointer, to sink: any ElementSink) throws {
        try machine.feed(piece, to: sink)
    }

    /// The key of a dict of arrays; behind the pickle's end, `PickledWeights` says it.
    public func name(ofArray index: Int) -> String? { index == machine.currentArray ? machine.currentName : nil }

    /// What the objects that the pickle has made so far take.
    public var memory: Int { machine.memory }

    /// Ends the body.
    ///
    /// - Returns: the arrays in the order of the list or dict, little- or big-endian and in any order of axes.
    /// - Throws: `WeightFailure` when the pickle is incomplete or is not one of the admitted constructions.
    public func finish(to sink: any ElementSink) throws -> DecodedWeights {
        let root = try machine.root()
        var found = PickledWeights(graph: machine.graph, limits: limits, end: machine.offset)
        return try found.weights(root)
    }
}
