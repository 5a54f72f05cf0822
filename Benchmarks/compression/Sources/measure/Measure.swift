internal import Compression
internal import Glibc

/// Measures compression of one stream: `measure STREAM EXTENTS [OUTPUT]`.
///
/// EXTENTS has a line for each array: offset, elements, bytes of an element, 1 for floats or 0. Prints, for each way, its
/// name, the ratio, and MB for each second of a core, compressing and decompressing, the best of five runs in turns. OUTPUT takes
/// the stream of `byteplane+zstd`, for another program to read.
@main enum Measure {
    static let piece = 1 << 20
    static let runs = 5

    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 3 else { return print("usage: measure STREAM EXTENTS [OUTPUT]") }
        let stream = try read(arguments[1])
        let extents = try String(decoding: read(arguments[2]), as: UTF8.self).split(separator: "\n").compactMap(extent)
        var ways: [(String, CompressionChoice)] = [
            ("zstd-3", choice(.none, .zstd, 3)), ("zstd-1", choice(.none, .zstd, 1)),
            ("byteplane+zstd", choice(.byteplane, .zstd, 3)), ("lz4", choice(.none, .lz4, 0)),
        ]
        // A tenth as fast as the others.
        ways.append(("gzip-1", choice(.none, .gzip, 1)))
        ways.append(("byteplane+gzip-1", choice(.byteplane, .gzip, 1)))
        var results = ways.map { _ in (out: 0, packing: Double.infinity, unpacking: Double.infinity) }
        // Fresh memory would cost more than some of the codecs.
        var packed = [UInt8](repeating: 1, count: stream.count + stream.count / 8 + 4096)
        for run in 0..<runs {
            for (index, way) in ways.enumerated() where run < 2 || way.1.codec != .gzip {
                packed.removeAll(keepingCapacity: true)
                let packing = try timed { try pack(stream, way.1, extents, into: &packed) }
                var unpacked = 0
                let unpacking = try timed { unpacked = try unpack(packed, way.1, extents, run == 0 ? stream : nil) }
                precondition(unpacked == stream.count)
                results[index] = (
                    packed.count, min(results[index].packing, packing), min(results[index].unpacking, unpacking)
                )
                if run == 0, way.0 == "byteplane+zstd", arguments.count > 3 { try write(packed, to: arguments[3]) }
            }
        }
        let megabytes = Double(stream.count) / 1e6
        for (way, result) in zip(ways, results) {
            let ratio = Double(stream.count) / Double(result.out)
            print(way.0, ratio, megabytes / result.packing, megabytes / result.unpacking)
        }
        let best = try chosen(stream, extents)
        print("choice", best.filter.rawValue, best.codec.rawValue, best.level, best.estimatedRatio)
    }

    static func choice(_ filter: StreamFilter, _ codec: Codec, _ level: Int) -> CompressionChoice {
        CompressionChoice(filter: filter, codec: codec, level: level, estimatedRatio: 1)
    }

    static func pack(
        _ stream: [UInt8], _ choice: CompressionChoice, _ extents: [PlaneExtent], into packed: inout [UInt8]
    ) throws {
        let compressor = try FilteredCompressor(choice, extents: extents)
        try inPieces(stream) { try compressor.write($0) { packed.append(contentsOf: $0) } }
        try compressor.finish { packed.append(contentsOf: $0) }
    }

    /// Compares with the original when there is one, and counts.
    static func unpack(
        _ packed: [UInt8], _ choice: CompressionChoice, _ extents: [PlaneExtent], _ original: [UInt8]?
    ) throws -> Int {
        let decompressor = StreamDecompressor(choice.codec, limits: ExpansionLimits(maxBytes: 1 << 40, maxRatio: .infinity))
        let unfilter = try PlaneUnfilter(extents: choice.filter == .byteplane ? extents : [])
        var count = 0
        let check: (UnsafeRawBufferPointer) throws -> Void = { bytes in
            original?.withUnsafeBytes { all in
                let same = UnsafeRawBufferPointer(rebasing: all[count..<count + bytes.count]).elementsEqual(bytes)
                precondition(same, "\(choice): other bytes came back")
            }
            count += bytes.count
        }
        try inPieces(packed) { try decompressor.write($0) { try unfilter.write($0, to: check) } }
        try decompressor.finish { try unfilter.write($0, to: check) }
        try unfilter.finish()
        return count
    }

    /// The choice by blocks of the three largest arrays.
    static func chosen(_ stream: [UInt8], _ extents: [PlaneExtent]) throws -> CompressionChoice {
        let largest = extents.sorted { $0.count * UInt64($0.kind.itemSize) > $1.count * UInt64($1.kind.itemSize) }
        return try stream.withUnsafeBytes { all in
            let samples = largest.prefix(3).map { extent in
                let bytes = min(Int(extent.count) * extent.kind.itemSize, 256 << 10)
                let start = Int(extent.offset)
                return CompressionChoice.Sample(
                    UnsafeRawBufferPointer(rebasing: all[start..<start + bytes]), kind: extent.kind)
            }
            return try CompressionChoice.best(for: .arrays, samples: samples)
        }
    }

    static func extent(_ line: Substring) -> PlaneExtent? {
        let numbers = line.split(separator: " ").compactMap { UInt64($0) }
        guard numbers.count == 4, let kind = ItemKind(itemSize: Int(numbers[2]), isFloat: numbers[3] == 1) else {
            return nil
        }
        return PlaneExtent(offset: numbers[0], count: numbers[1], kind: kind)
    }

    static func inPieces(_ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
        try bytes.withUnsafeBytes { all in
            for start in stride(from: 0, to: all.count, by: piece) {
                try body(UnsafeRawBufferPointer(rebasing: all[start..<min(all.count, start + piece)]))
            }
        }
    }

    /// Seconds of a processor, so that what else runs on the machine counts for little.
    static func timed(_ body: () throws -> Void) rethrows -> Double {
        let start = processorTime()
        try body()
        return processorTime() - start
    }

    static func processorTime() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
