internal import Compression
internal import Envelopes
internal import Synchronization
internal import WeightFormats

/// Takes the weights out of a package that a client sends (protocol.md, section 3).
///
/// Thread: one at a time.
final class PackageStage: BodyStage {
    /// Behind a filter a few megabytes have to be held, which the memory budget does not know of.
    private static let mostFiltered = 4
    private static let filtered = Atomic(0)

    private let reader: PackageReader
    private let limits: DecodeLimits
    private let plain = GatheringSink()
    private var isBegun = false
    private var unfilter: ByteplaneDecoder?

    init(_ limits: DecodeLimits) {
        self.limits = limits
        reader = PackageReader(maxSize: Int(clamping: limits.decodedBytes))
    }

    deinit { if unfilter != nil { Self.filtered.wrappingAdd(-1, ordering: .relaxed) } }

    /// Once it is known.
    var header: PackageHeader? { reader.header }

    /// The format of what comes out; raw bytes and packages are none.
    func format() throws(Failure) -> WeightFormat {
        let name = header?.format ?? ""
        guard let format = WeightFormats.named(name), format.decoder != nil else {
            throw Failure(.malformedWeights, "package.format: \"\(name)\" is not one of \(WeightFormats.names)")
        }
        return format
    }

    func step(_ rest: inout UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer? {
        while true {
            guard let output = try read(&rest) else { return nil }
            if !isBegun { try begin() }
            guard let unfilter else { return output }
            plain.clear()
            try unfilter.feed(output, to: plain)
            if !plain.bytes.isEmpty { return plain.bytes }
        }
    }

    func finish() throws {
        do throws(EnvelopeFailure) { try reader.finish() } catch { throw Failure(package: error) }
    }

    private func read(_ rest: inout UnsafeRawBufferPointer) throws(Failure) -> UnsafeRawBufferPointer? {
        do throws(EnvelopeFailure) { return try reader.step(&rest) } catch { throw Failure(package: error) }
    }

    private func begin() throws {
        isBegun = true
        let format = try format()
        guard header?.filter == .byteplane else { return }
        guard format.name == WeightFormats.standard.name else {
            throw Failure(
                .malformedWeights,
                "package.filter: byteplane is for \(WeightFormats.standard.name), not for \(format.name)")
        }
        guard Self.filtered.wrappingAdd(1, ordering: .relaxed).newValue <= Self.mostFiltered else {
            Self.filtered.wrappingAdd(-1, ordering: .relaxed)
            throw Failure(
                .busy, "\(Self.mostFiltered) filtered packages are being read; send it in a moment, or unfiltered")
        }
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

    func feed(_ piece: UnsafeRawBufferPointer, to sink: any ElementSink) throws {
        try known().feed(piece, to: sink)
    }

    func finish(to sink: any ElementSink) throws -> DecodedWeights { try known().finish(to: sink) }

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

    func clear() { count = 0 }

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
        let isTooLarge = failure.field == "package.original_size" && failure.reason.contains("is over")
        self.init(isTooLarge ? .tooLarge : .malformedWeights, "\(failure.field): \(failure.reason)")
        offset = failure.offset.map { UInt64($0) }
    }
}
