import Files
import Foundation
import Testing

@Suite struct FileExtentsTests {
    private let path = NSTemporaryDirectory() + "fedgate-extents-" + UUID().uuidString

    private func file(_ name: String, _ bytes: [UInt8]) throws -> String {
        let file = try Directory(making: path).file(name)
        try bytes.withUnsafeBytes { try File(creating: file).write($0, at: 0) }
        return file
    }

    /// Every range of a few extents, of two files and partly of none.
    @Test func anyRangeIsRead() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let (a, b) = (try file("a", Array(0..<100)), try file("b", Array(100..<200)))
        var extents = FileExtents()
        var expected: [UInt8] = []
        for (path, start, count) in [(a, 10, 5), (a, 15, 5), (b, 0, 1), (b, 50, 0), (a, 0, 7), (b, 90, 10)] {
            extents.append(FileExtent(path: path, start: start, count: count))
            let base = path == a ? 0 : 100
            expected += (base + start..<base + start + count).map { UInt8($0) }
        }
        #expect(extents.count == expected.count)
        let reader = FileExtentReader(extents)
        for start in 0...expected.count {
            for end in start...expected.count {
                var read = [UInt8](repeating: 0, count: end - start)
                try read.withUnsafeMutableBytes { try reader.read(into: $0, at: start) }
                #expect(read == Array(expected[start..<end]))
            }
        }
        var behind: [UInt8] = [0, 0]
        let failure = #expect(throws: FileFailure.self) {
            try behind.withUnsafeMutableBytes { try reader.read(into: $0, at: expected.count - 1) }
        }
        #expect(failure?.description.contains("cannot read 2 bytes at 27 of 28") == true)
    }

    @Test func aFileMayBeMoved() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let (a, b) = (try file("a", [1, 2, 3]), try file("b", [4, 5, 6]))
        var extents = FileExtents()
        extents.append(FileExtent(path: a, start: 1, count: 2))
        extents.append(FileExtent(path: b, start: 0, count: 1))
        try File.move(a, to: a + "2")
        var read: [UInt8] = [0, 0, 0]
        try read.withUnsafeMutableBytes { try FileExtentReader(extents.moved(a, to: a + "2")).read(into: $0, at: 0) }
        #expect(read == [2, 3, 4])
    }

    /// The pages between are those of both; a file system in memory has nothing to forget them for.
    @Test func whatTheSystemForgetsIsOnTheDiskStill() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let name = try file("a", bytes)
        try File(appending: name).sync()
        var (even, odd) = (FileExtents(), FileExtents())
        for start in stride(from: 0, to: bytes.count, by: 10_000) {
            let extent = FileExtent(path: name, start: start, count: 10_000)
            if start % 20_000 == 0 { even.append(extent) } else { odd.append(extent) }
        }
        #expect(try cachedPages(name) == 74)
        FileExtents.dropFromPageCache([even, odd])
        let isInMemory = try fileSystem(name) == "tmpfs\n"
        #expect(try cachedPages(name) == (isInMemory ? 74 : 0))
        var read = [UInt8](repeating: 0, count: bytes.count)
        try read.withUnsafeMutableBytes { try File(reading: name).read(into: $0, at: 0) }
        #expect(read == bytes)
    }

    private func cachedPages(_ path: String) throws -> Int {
        try File(reading: path).withMapping { bytes in
            var pages = [UInt8](repeating: 0, count: (bytes.count + 4095) / 4096)
            let base = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
            try #require(mincore(base, bytes.count, &pages) == 0)
            return pages.count { $0 & 1 == 1 }
        }
    }

    private func fileSystem(_ path: String) throws -> String {
        let (stat, output) = (Process(), Pipe())
        stat.executableURL = URL(filePath: "/usr/bin/stat")
        stat.arguments = ["--file-system", "--format=%T", path]
        stat.standardOutput = output
        try stat.run()
        stat.waitUntilExit()
        return String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    }
}
