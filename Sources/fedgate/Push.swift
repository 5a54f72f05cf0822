internal import Files
internal import Flags
internal import Glibc
internal import HTTPClient
internal import Synchronization

/// `fedgate push`: uploads an update.
extension Command {
    static let push = Command(
        name: "push", operands: "FILE",
        summary:
            "Upload a weight file as a client's update, going on where a connection broke; - reads standard input.",
        flags: [
            Flag("--round", .value("N"), "the round it is for"), Flag("--client", .value("ID"), "whose it is"),
            Flag("--num-samples", .value("N"), "its weight in the mean (1)"),
            Flag("--model-version", .value("TEXT"), "whatever you call your model"),
        ] + ClientFlags.all,
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
            let identity = try ClientFlags.identity(arguments)
            do {
                return try push(arguments.operands[0], to: target, at: ClientFlags.base(arguments), identity)
            } catch let failure as UsageFailure {
                throw failure
            } catch {
                Terminal.error("fedgate: \(error)")
                return 1
            }
        })

    private static func push(
        _ path: String, to target: String, at base: String, _ identity: HTTPIdentity
    ) throws -> Int32 {
        let bar = ProgressBar("push")
        let client = try HTTPClient(identity)
        let answer: PushTransfer.Answer
        if path == "-" {
            let body = Collected()
            let reply = try client.request(
                "PUT", base + target, headers: [("Content-Type", "application/vnd.fedwt")], source: standardInput(),
                sink: { _, piece in body.bytes += piece }, progress: bar.show)
            answer = .init(status: reply.status, body: body.bytes)
        } else {
            let file = SharedFile(try File(reading: path))
            answer = try PushTransfer(base: base, target: target, file: file, size: try file.file.size).run(client, bar)
        }
        bar.end()
        guard answer.status == 202 else {
            Terminal.error("fedgate: " + ClientFlags.explain(answer.status, answer.body))
            return 1
        }
        Terminal.write(String(decoding: answer.body, as: UTF8.self), to: 1)
        return 0
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
final class SharedFile: Sendable {
    let file: File

    init(_ file: consuming File) { self.file = file }

    /// Its bytes from an offset on.
    func source(from begin: Int, size: Int) -> HTTPSource {
        let offset = Atomic(begin)
        return HTTPSource(size: size - begin) { [self] buffer in
            let start = offset.load(ordering: .relaxed)
            let count = min(buffer.count, size - start)
            try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: start)
            offset.store(start + count, ordering: .relaxed)
            return count
        }
    }
}

/// Bytes of a small answer.
final class Collected {
    var bytes: [UInt8] = []
}
