internal import Files
internal import Flags
internal import Glibc
internal import HTTPClient
internal import Synchronization

/// `fedgate push`: uploads an update.
extension Command {
    static let push = Command(
        name: "push", operands: "FILE", summary: "Upload a weight file as a client's update; - reads standard input.",
        flags: [
            Flag("--round", .value("N"), "the round it is for"), Flag("--client", .value("ID"), "whose it is"),
            Flag("--num-samples", .value("N"), "its weight in the mean (1)"),
            Flag("--model-version", .value("TEXT"), "whatever you call your model"), ClientFlags.url,
        ],
        run: { arguments throws(UsageFailure) in
            guard arguments.operands.count == 1 else {
                throw UsageFailure("push takes one file, or - for standard input")
            }
            guard let client = arguments["--client"] else { throw UsageFailure("push needs --client ID") }
            guard arguments["--round"] != nil else { throw UsageFailure("push needs --round N") }
            let round = try arguments.integer("--round", in: 0...(1 << 53) - 1, or: 0)
            var query: [String] = []
            if arguments["--num-samples"] != nil {
                query.append("num_samples=\(try arguments.integer("--num-samples", in: 1...(1 << 53) - 1, or: 1))")
            }
            if let version = arguments["--model-version"] {
                query.append("model_version=" + ClientFlags.encoded(version))
            }
            let path = "/rounds/\(round)/updates/\(ClientFlags.encoded(client))"
            let target = query.isEmpty ? path : path + "?" + query.joined(separator: "&")
            do {
                return try push(arguments.operands[0], to: ClientFlags.base(arguments) + target)
            } catch let failure as UsageFailure {
                throw failure
            } catch {
                Terminal.error("fedgate: \(error)")
                return 1
            }
        })

    private static func push(_ path: String, to url: String) throws -> Int32 {
        let source = try path == "-" ? standardInput() : file(path)
        let bar = ProgressBar("push")
        let body = Collected()
        let reply = try HTTPClient().request(
            "PUT", url, headers: [("Content-Type", "application/vnd.fedwt")], source: source,
            sink: { _, piece in body.bytes += piece }, progress: bar.show)
        bar.end()
        guard reply.status == 202 else {
            Terminal.error("fedgate: " + ClientFlags.explain(reply.status, body.bytes))
            return 1
        }
        Terminal.write(String(decoding: body.bytes, as: UTF8.self), to: 1)
        return 0
    }

    private static func file(_ path: String) throws -> HTTPSource {
        let file = SharedFile(try File(reading: path))
        let size = try file.file.size
        let offset = Atomic(0)
        return HTTPSource(size: size) { buffer in
            let start = offset.load(ordering: .relaxed)
            let count = min(buffer.count, size - start)
            try file.file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: start)
            offset.store(start + count, ordering: .relaxed)
            return count
        }
    }

    private static func standardInput() -> HTTPSource {
        HTTPSource(size: nil) { buffer in
            let count = read(0, buffer.baseAddress, buffer.count)
            guard count >= 0 else { throw StartFailure(description: "cannot read standard input") }
            return count
        }
    }
}

/// A file that a closure may hold.
private final class SharedFile: Sendable {
    let file: File

    init(_ file: consuming File) { self.file = file }
}

/// Bytes of a small answer.
final class Collected {
    var bytes: [UInt8] = []
}
