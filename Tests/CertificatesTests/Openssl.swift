import Foundation
import Testing

/// A directory with certificates that the command `openssl` makes; gone with the object.
final class Openssl {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("fedgate-" + UUID().uuidString)

    static let isThere = (try? run(["version"])) == 0

    init() throws { try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(at: directory) }

    func path(_ name: String) -> String { directory.appendingPathComponent(name).path }

    /// A certificate that signs itself, `NAME.pem`, and its key, `NAME.key`.
    func make(_ name: String, days: Int = 1) throws {
        let status = try Self.run([
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
            "/CN=\(name)",
            "-days", String(days), "-keyout", path("\(name).key"), "-out", path("\(name).pem"),
        ])
        try #require(status == 0)
    }

    func write(_ text: String, _ name: String) throws {
        try text.write(toFile: path(name), atomically: true, encoding: .utf8)
    }

    func read(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

    static func run(_ arguments: [String]) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }
}
