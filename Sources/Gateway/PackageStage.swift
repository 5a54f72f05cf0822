internal import Bytes
internal import Compression
internal import Envelopes
internal import WeightFormats
internal import Weights

/// Takes the weights out of a package that a client sends (protocol.md, section 3).
///
/// Thread: one at a time.
final class PackageStage: BodyStage {
    /// What undoing the filter takes: a block, and the pieces of one, which are gathered.
    private static let filterMemory = 5 << 20

    private let reader: PackageReader
    private let limits: DecodeLimits
    private let plain = GatheringSink()
    private var isBegun = false
    private var unfilter: ByteplaneDecoder?
    private var memory: [Reservation] = []
    private var mayUnfilter = false
    /// What was read, and waits for the filter's memory; a copy, since the bytes may be brought again elsewhere.
    private var held: [UInt8]?

    init(_ limits: DecodeLimits) {
        self.limits = limits
        reader = PackageReader(maxSize: Int(clamping: limits.decodedBytes), memory: 0)
    }

    /// Once it is known.
    var header: PackageHeader? { reader.header }

    /// The format of what comes out; raw bytes and packages are none.
    func format() throws(Failure) -> WeightFormat {
        let name = header?.format ?? ""
        guard let format = WeightFormats.named(name), format.decoder != nil else {
            throw Failure(.malformedWeights, "package.format: \(name.quoted) is not one of \(WeightFormats.names)")
        }
        return format
    }

    func step(_ rest: inout UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer? {
        while true {
            if held != nil { try beginUnfilter() }
            if let first = held.take() {
                try first.withUnsafeBytes { try undo($0) }
            } else {
                guard let output = try read(&rest) else { return nil }
                guard try isBegun || begin(output) else { continue }
                guard unfilter != nil else { return output }
                try undo(output)
            }
            if !plain.bytes.isEmpty { return plain.handOver() }
        }
    }

    func finish() throws {
        do throws(EnvelopeFailure) { try reader.finish() } catch { throw Failure(package: error) }
        unfilter = nil
        memory = []
    }

    func grant(_ memory: Reservation) {
        self.memory.append(memory)
        if held == nil { reader.grant(memory.count) } else { mayUnfilter = true }
    }

    /// Undoes the filter.
    private func undo(_ filtered: UnsafeRawBufferPointer) throws {
        guard let unfilter else { return }
        do { try unfilter.feed(filtered, to: plain) } catch { throw unfilter.named(error) }
    }

    private func read(_ rest: inout UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer? {
        do throws(EnvelopeFailure) {
            if let output = try reader.step(&rest) { return output }
        } catch { throw Failure(package: error) }
        if let bytes = reader.wanted { throw MemoryWanted(bytes: bytes, stage: self) }
        return nil
    }

    /// False when the first bytes are held for a filter.
    private func begin(_ first: UnsafeRawBufferPointer) throws -> Bool {
        let format = try format()
        isBegun = true
        guard header?.filter == .byteplane else { return true }
        guard format.name == WeightFormats.standard.name else {
            throw Failure(
                .malformedWeights,
                "package.filter: byteplane is for \(WeightFormats.standard.name), not for \(format.name)")
        }
        held = Array(first)
        return false
    }

    private func beginUnfilter() throws {
        guard mayUnfilter else { throw MemoryWanted(bytes: Self.filterMemory, stage: self) }
        unfilter = try ByteplaneDecoder(limits: limits)
    }
}

/// Decodes what a package holds, in the format that its head names.
///
/// Thread: one at a time.
final class PackagedDecoder: WeightDecoder {
    private let stage: PackageStage
    private let limits: DecodeLimits
    private var decoder: (any WeightDecoder)?

    init(_ stage: PackageStage, _ limits: DecodeLimits) {
        self.stage = stage
        self.limits = limits
    }

    /// The decoder of FEDWT001, when that is what the package holds.
    var standard: FEDWT001Decoder? { decoder as? FEDWT001Decoder }

    var memory: Int { decoder?.memory ?? 0 }

    func feed(_ piece: UnsafeRawBufferPointer, to sink: any ElementSink) throws {
        try known().feed(piece, to: sink)
    }

    func finish(to sink: any ElementSink) throws -> DecodedWeights { try known().finish(to: sink) }

    func name(ofArray index: Int) -> String? { decoder?.name(ofArray: index) }

    private func known() throws -> any WeightDecoder {
        if let decoder { return decoder }
        guard let made = try stage.format().decoder?(limits) else { throw UnknownFormat() }
        decoder = made
        return made
    }
}

/// Holds what came in one call.
private final class GatheringSink: ElementSink {
    private var buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
    private var count = 0

    deinit { buffer.deallocate() }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: buffer[..<count]) }

    /// All bytes, which are gone with the next that come.
    func handOver() -> UnsafeRawBufferPointer {
        defer { count = 0 }
        return bytes
    }

    func append(_ bytes: UnsafeRawBufferPointer) {
        if count + bytes.count > buffer.count {
            let larger = UnsafeMutableRawBufferPointer.allocate(
                byteCount: max(2 * buffer.count, count + bytes.count), alignment: 16)
            larger.copyMemory(from: self.bytes)
            buffer.deallocate()
            buffer = larger
        }
        UnsafeMutableRawBufferPointer(rebasing: buffer[count...]).copyMemory(from: bytes)
        count += bytes.count
    }
}

extension Failure {
    /// A package that is not right.
    init(package failure: EnvelopeFailure) {
        let isTooLarge = failure.field == "package.original_size" && failure.limit != nil
        self.init(isTooLarge ? .tooLarge : .malformedWeights, "\(failure.field): \(failure.reason)")
        offset = failure.offset.map { UInt64($0) }
        limit = failure.limit
    }
}
