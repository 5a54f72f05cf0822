internal import Compression
internal import Weights

/// Decodes an archive of .npy files as it arrives: stored or deflated members, 64-bit sizes, sizes before or behind the
/// data (APPNOTE 6.3.10; NumPy's `savez` and `savez_compressed`).
///
/// Members are read in their order in the stream; the directory at the end has to say the same of each of them. Names
/// that are `arr_0`, `arr_1` … in that order count as none.
///
/// Thread: one at a time.
public final class NPZDecoder: WeightDecoder {
    enum Step {
        case signature, head, headNames
        case stored, deflated, descriptorMark, descriptor
        case directory, directoryNames, wideEndSize, wideEnd, wideLocator, end, comment, done
    }

    struct Current {
        let head: ZipHead
        var reader: NPYReader
        /// Of its elements in the sink.
        let start: Int
        let inflate: InflateStream?
        var checksum: UInt32 = 0
        var storedSize: UInt64 = 0
        var size: UInt64 = 0
    }

    var budget: DecodeBudget
    var step = Step.signature
    var field = FieldGatherer(4)
    var offset: UInt64 = 0
    var fieldOffset: UInt64 = 0
    var members: [ZipMember] = []
    var names = ArrayNames()
    var arrays: [DecodedArray] = []
    var current: Current?
    /// By offset, those that the directory has not named yet.
    var unnamed: [UInt64: ZipMember] = [:]
    var directoryOffset: UInt64?
    /// Of the first record behind the directory.
    var directoryEnd: UInt64?

    /// A decoder at the start of a body.
    ///
    /// - Parameter limits: what a body may claim.
    public init(limits: DecodeLimits) { budget = DecodeBudget(limits: limits) }

    /// Takes the next bytes of the body.
    public func feed(_ piece: UnsafeRawBufferPointer, to sink: any ElementSink) throws {
        var rest = piece
        while !rest.isEmpty {
            switch step {
            case .stored: try readStored(&rest, to: sink)
            case .deflated: try readDeflated(&rest, to: sink)
            case .done: throw failure("bytes left over behind the archive", at: offset)
            default:
                let before = rest.count
                let isWhole = field.take(&rest)
                offset += UInt64(before - rest.count)
                if isWhole { try complete() }
            }
        }
    }

    /// Ends the body.
    public func finish(to sink: any ElementSink) throws -> DecodedWeights {
        guard case .done = step else {
            if let current { try current.reader.finish() }
            throw WeightFailure("the body ends here, in the middle of the zip archive", at: offset, array: currentIndex)
        }
        guard !arrays.isEmpty else { throw WeightFailure("there is no array in it; an upload has at least one", at: 0) }
        if ZipNames.areAutomatic(arrays.map(\.spec.name)) {
            for index in arrays.indices { arrays[index].spec.name = nil }
        }
        return DecodedWeights(arrays: arrays, metadata: [:])
    }

    /// The member's without `.npy`.
    public func name(ofArray index: Int) -> String? {
        arrays.indices.contains(index) ? arrays[index].spec.name : current?.reader.name
    }

    var currentIndex: Int? { current == nil ? nil : arrays.count }

    func failure(_ reason: String, at offset: UInt64, limit: UInt64? = nil) -> WeightFailure {
        WeightFailure(reason, at: offset, array: currentIndex, limit: limit)
    }

    func next(_ step: Step, _ count: Int) throws(WeightFailure) {
        self.step = step
        fieldOffset = offset
        field.next(count)
        if count == 0 { try complete() }
    }
}
