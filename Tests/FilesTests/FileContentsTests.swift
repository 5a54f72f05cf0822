import Files
import Foundation
import Testing

@Suite struct FileContentsTests {
    @Test func aFileIsReadUpToItsLimit() throws {
        let path = NSTemporaryDirectory() + "fedgate-contents-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: path) }
        for count in [0, 1, 16 << 10, 50_000] {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            try bytes.withUnsafeBytes { try File(creating: path).write($0, at: 0) }
            #expect(try File.contents(of: path, atMost: count) == bytes)
            guard count > 0 else { continue }
            let failure = #expect(throws: FileFailure.self) { try File.contents(of: path, atMost: count - 1) }
            #expect(failure?.description.hasPrefix("\(path) has more than \(count - 1) bytes") == true)
        }
    }

    @Test func aFileThatIsMissingIsSaid() {
        let failure = #expect(throws: FileFailure.self) { try File.contents(of: "/nowhere/x", atMost: 1) }
        #expect(failure?.isMissing == true)
    }
}
