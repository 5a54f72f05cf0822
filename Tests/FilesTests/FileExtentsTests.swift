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
}
