internal import Bytes
internal import Compression
internal import WeightFormats
internal import Weights

/// Changes a body while it streams, at the pace of whoever takes what comes out.
///
/// Thread: one at a time.
protocol BodyStage: AnyObject {
    /// Takes bytes until there is something to hand over.
    ///
    /// - Parameter rest: what was taken is cut off from its front.
    /// - Returns: bytes that are valid until the next call, or nil when `rest` is used up.
    func step(_ rest: inout UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer?

    /// Refuses a body that ends too early.
    func finish() throws

    /// Takes memory that it said it wants.
    func grant(_ memory: Reservation)
}

extension BodyStage {
    func grant(_ memory: Reservation) {}
}

/// What a stage throws that cannot go on without more memory; nothing is lost, and `step` is to be called again.
///
/// Thread: caught by the caller of `step`; unchecked for that reason.
struct MemoryWanted: Error, @unchecked Sendable {
    let bytes: Int
    let stage: any BodyStage
}

/// Several stages, each of which takes what the one before gives.
final class BodyStages: BodyStage {
    /// What comes out for each byte of the body, however many layers there are.
    ///
    /// Zeros shrink to a thousandth under gzip, which is no attack.
    private static let mostExpansion = 1100
    /// Bytes that may come out whatever the ratio.
    private static let grace = 1 << 20

    private let stages: [any BodyStage]
    /// Bytes of the body that were taken.
    private var taken = 0
    /// Bytes that were handed over.
    private var given = 0
    /// What each stage but the first has not taken yet.
    private var waiting: [UnsafeRawBufferPointer]

    init(_ stages: [any BodyStage]) {
        self.stages = stages
        waiting = Array(repeating: UnsafeRawBufferPointer(start: nil, count: 0), count: stages.count)
    }

    /// The stages that a body in such a form needs; nil when it is stored as it is sent.
    static func make(_ form: BodyForm, limits: DecodeLimits) throws(Failure) -> BodyStages? {
        guard !form.isStoredAsSent else { return nil }
        var stages: [any BodyStage] = []
        for (layer, codec) in form.codings.reversed().enumerated() {
            let expansion = ExpansionLimits(maxBytes: limits.decodedBytes, maxRatio: Double(mostExpansion))
            stages.append(DecodingStage(StreamDecompressor(codec, limits: expansion, memory: 0), layer: layer))
        }
        switch form.format {
        case .sniffed, .named: break
        case .raw(let spec): stages.append(try RawStage(spec))
        case .multipart(let boundary): stages.append(MultipartStage(boundary: boundary, limits: limits))
        case .package: stages.append(PackageStage(limits))
        }
        return BodyStages(stages)
    }

    func step(_ rest: inout UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer? {
        guard let output = try counted(&rest) else { return nil }
        given += output.count
        // Each layer's own ratio is no bound on what several make together, and a package's compression has none.
        guard given > Self.grace, given / Self.mostExpansion > taken else { return output }
        var failure = Failure(
            .tooLarge, "the body's first \(taken) bytes expand to \(given) or more, over \(Self.mostExpansion) times",
            limit: UInt64(taken * Self.mostExpansion))
        failure.offset = UInt64(taken)
        throw failure
    }

    private func counted(_ rest: inout UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer? {
        let before = rest.count
        defer { taken += before - rest.count }
        return try pull(stages.count - 1, &rest)
    }

    func finish() throws { for stage in stages { try stage.finish() } }

    /// The stage that takes weights out of a package, when the body is one.
    var package: PackageStage? { stages.last as? PackageStage }

    /// What the body said beside the arrays.
    var fields: [String: String] { (stages.last as? MultipartStage)?.fields ?? [:] }

    private func pull(_ index: Int, _ rest: inout UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer? {
        if index == 0 { return try stages[0].step(&rest) }
        while true {
            if let output = try stages[index].step(&waiting[index]) { return output }
            guard let input = try pull(index - 1, &rest) else { return nil }
            waiting[index] = input
        }
    }
}

/// One layer of `Content-Encoding`.
private final class DecodingStage: BodyStage {
    private let stream: StreamDecompressor
    private let layer: Int
    private var memory: [Reservation] = []

    init(_ stream: StreamDecompressor, layer: Int) {
        self.stream = stream
        self.layer = layer
    }

    func step(_ rest: inout UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer? {
        do {
            if let output = try stream.step(&rest) { return output }
        } catch { throw named(error) }
        if let bytes = stream.wanted { throw MemoryWanted(bytes: bytes, stage: self) }
        return nil
    }

    func grant(_ memory: Reservation) {
        self.memory.append(memory)
        stream.grant(memory.count)
    }

    func finish() throws {
        do { try stream.finish { _ in } } catch let error as CompressionFailure { throw named(error) }
    }

    private func named(_ failure: CompressionFailure) -> CompressionFailure {
        var failure = failure
        failure.layer = layer
        return failure
    }
}

/// Puts the head of a FEDWT001 stream before the elements of one array, since a package has to say what they are.
private final class RawStage: BodyStage {
    private let head: [UInt8]
    private var isBegun = false
    /// Counts them.
    private let elements: RawDecoder
    private let dropping = DroppingSink()

    init(_ spec: ArraySpec) throws(Failure) {
        elements = RawDecoder(spec, limits: DecodeLimits(decodedBytes: .max))
        do throws(WeightFailure) { head = try FEDWT001Writer.head(ofDense: spec) } catch {
            throw Failure(query: error)
        }
        // The head is handed over from memory that does not move.
        output = UnsafeMutableRawBufferPointer.allocate(byteCount: head.count, alignment: 16)
        output.copyBytes(from: head)
    }

    private let output: UnsafeMutableRawBufferPointer

    deinit { output.deallocate() }

    func step(_ rest: inout UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer? {
        guard !rest.isEmpty else { return nil }
        guard isBegun else {
            isBegun = true
            return UnsafeRawBufferPointer(output)
        }
        try elements.feed(rest, to: dropping)
        defer { rest = UnsafeRawBufferPointer(rebasing: rest[rest.count...]) }
        return rest
    }

    func finish() throws { _ = try elements.finish(to: dropping) }
}
