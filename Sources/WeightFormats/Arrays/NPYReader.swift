internal import Weights

/// Reads one .npy file out of a stream (NEP 1), and knows by itself where it ends.
struct NPYReader {
    private enum Step {
        case preamble, length(Int), header, data, end
    }

    /// NumPy's own reader stops at 10,000.
    private static let longestHeader = 1 << 16
    private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

    let index: Int
    let name: String?
    private var step = Step.preamble
    private var field = FieldGatherer(8)
    private var left = 0
    /// Of the next byte, in the decoded body.
    private(set) var offset: UInt64
    private(set) var header: NPYHeader?
    private(set) var spec: ArraySpec?
    /// Where the elements begin.
    private(set) var dataOffset: UInt64 = 0

    /// A reader at the start of a file.
    ///
    /// - Parameters:
    ///   - offset: of the file in the body.
    ///   - index: of the array.
    ///   - name: of the array.
    init(at offset: UInt64, index: Int, name: String?) {
        self.offset = offset
        self.index = index
        self.name = name
    }

    var isComplete: Bool { if case .end = step { true } else { false } }

    /// Takes bytes from the front of `rest` up to the end of the array.
    ///
    /// - Parameters:
    ///   - rest: what is behind the array stays.
    ///   - budget: what the body has used of its limits.
    ///   - emit: takes the elements.
    mutating func feed(
        _ rest: inout UnsafeRawBufferPointer, _ budget: DecodeBudget, emit: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        while !rest.isEmpty || (left == 0 && isReading) {
            switch step {
            case .end: return
            case .data:
                let piece = UnsafeRawBufferPointer(rebasing: rest[..<min(left, rest.count)])
                rest = UnsafeRawBufferPointer(rebasing: rest[piece.count...])
                if !piece.isEmpty { try emit(piece) }
                left -= piece.count
                offset += UInt64(piece.count)
                if left == 0 { step = .end }
            default:
                let before = rest.count
                let isWhole = field.take(&rest)
                offset += UInt64(before - rest.count)
                if isWhole { try complete(budget) }
            }
        }
    }

    /// Refuses a body that ends within the array.
    func finish() throws(WeightFailure) {
        guard isComplete else {
            let place =
                if case .data = step { "the data, \(left) bytes missing" } else { "the npy header" }
            throw WeightFailure("the body ends here, in the middle of \(place)", at: offset, array: index)
        }
    }

    /// The array, once it is complete.
    ///
    /// - Parameter start: of its elements in the sink.
    func array(at start: Int) -> DecodedArray? {
        guard let spec, let header else { return nil }
        let axes = header.isFortran && spec.shape.count > 1 ? Array((0..<spec.shape.count).reversed()) : nil
        return DecodedArray(
            spec: spec,
            storage: .dense(bytes: start..<start + spec.byteCount, axes: axes, bigEndian: header.type.bigEndian))
    }

    private var isReading: Bool { if case .data = step { true } else { false } }

    private mutating func complete(_ budget: DecodeBudget) throws(WeightFailure) {
        let start = offset - UInt64(field.bytes.count)
        switch step {
        case .preamble:
            guard field.bytes.starts(with: Self.magic) else {
                throw WeightFailure("this is no npy file: its magic is missing", at: start, array: index)
            }
            guard (1...3).contains(field.bytes[6]), field.bytes[7] == 0 else {
                throw WeightFailure(
                    "npy version \(field.bytes[6]).\(field.bytes[7]) is not 1.0, 2.0 or 3.0", at: start + 6,
                    array: index)
            }
            let size = field.bytes[6] == 1 ? 2 : 4
            step = .length(size)
            field.next(size)
        case .length(let size):
            let length = size == 2 ? Int(field.integer(UInt16.self, at: 0)) : Int(field.integer(UInt32.self, at: 0))
            guard length <= Self.longestHeader else {
                throw WeightFailure(
                    "npy header of \(length) bytes is over \(Self.longestHeader)", at: start, array: index,
                    limit: UInt64(Self.longestHeader))
            }
            step = .header
            field.next(length)
            if length == 0 { try complete(budget) }
        case .header:
            let header = try NPYHeader(field.bytes, at: start, array: index)
            let spec = try ArraySpec.checked(
                name: name, dtype: header.type.dtype, shape: header.shape, at: start, array: index)
            try budget.admit(UInt64(spec.byteCount), at: start, array: index)
            (self.header, self.spec) = (header, spec)
            dataOffset = offset
            left = spec.byteCount
            step = left == 0 ? .end : .data
        case .data, .end: break
        }
    }
}

/// Decodes a .npy file, one array; the sink gets the body as it is.
///
/// Thread: one at a time.
public final class NPYDecoder: WeightDecoder {
    private var reader = NPYReader(at: 0, index: 0, name: nil)
    private let budget: DecodeBudget

    /// A decoder at the start of a body.
    ///
    /// - Parameter limits: what a body may claim.
    public init(limits: DecodeLimits) { budget = DecodeBudget(limits: limits) }

    /// Takes the next bytes of the body.
    public func feed(_ piece: UnsafeRawBufferPointer, to sink: any ElementSink) throws {
        var rest = piece
        try reader.feed(&rest, budget) { _ in }
        guard rest.isEmpty else {
            throw WeightFailure("bytes left over behind the array", at: reader.offset, array: 0)
        }
        try sink.append(piece)
    }

    /// Ends the body.
    public func finish(to sink: any ElementSink) throws -> DecodedWeights {
        try reader.finish()
        let array = reader.array(at: Int(reader.dataOffset))
        return DecodedWeights(arrays: array.map { [$0] } ?? [], metadata: [:])
    }
}
