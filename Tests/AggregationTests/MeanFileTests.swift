import EventLog
import Files
import Foundation
import Testing
import Threads
import Weights

@testable import Aggregation

@Suite struct MeanFileTests {
    private let path = NSTemporaryDirectory() + "fedgate-mean-" + UUID().uuidString

    /// An update in a file of its own, its second array before the first.
    private func contribution(_ name: String, _ first: [Float], _ second: [Int64], samples: Int64) throws
        -> Contribution
    {
        let file = try Directory(making: path).file(name)
        let written = try File(creating: file)
        try second.withUnsafeBytes { try written.write($0, at: 0) }
        try first.withUnsafeBytes { try written.write($0, at: 8 * second.count) }
        var bytes = FileExtents()
        bytes.append(FileExtent(path: file, start: 0, count: 8 * second.count + 4 * first.count))
        let position = Position(topic: "updates", partition: 0, offset: samples)
        return Contribution(
            clientID: name, messageID: name, position: position, begin: position, samples: samples, said: [:],
            trace: nil, file: name, bytes: bytes, offsets: [8 * second.count, 0])
    }

    @Test func arraysAreComputedOneByOne() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let arrays = [ArraySpec(dtype: .float32, shape: [2]), ArraySpec(dtype: .int64, shape: [11])].compactMap { $0 }
        var (zeros, few) = ([Int64](repeating: 0, count: 11), [Int64](repeating: 0, count: 11))
        (zeros[0], few[0]) = (0, 8)
        var book = RoundBook()
        _ = book.count(
            try contribution("a", [1, 2], zeros, samples: 1), round: 1, arrays: arrays, timestamp: 0)
        _ = book.count(try contribution("b", [5, 6], few, samples: 3), round: 1, arrays: arrays, timestamp: 0)
        let round = try #require(book.open[1])
        var parts: [Double] = []
        let mean = try MeanFile(of: round, in: File(creating: path + "/mean")) { parts.append($0) }
        try mean.mapped {
            let (first, isFirstZero) = try mean.compute(0)
            #expect(Array(first.bindMemory(to: Float.self)) == [4, 5] && isFirstZero == false)
            let (second, isSecondZero) = try mean.compute(1)
            few[0] = 6
            #expect(Array(second.bindMemory(to: Int64.self)) == few && isSecondZero == true)
            mean.release(second)
            #expect(Array(second.bindMemory(to: Int64.self)) == few)
        }
        #expect(parts == [8.0 / 96, 1])
    }
}
