internal import Digests
internal import Files
internal import Flags
internal import Glibc
internal import HTTPClient

/// `fedgate pull`: waits for a result and stores it.
extension Command {
    static let pull = Command(
        name: "pull", operands: "", summary: "Download a round's result, waiting for it when it is not there yet.",
        flags: [
            Flag("--round", .value("N|latest"), "which one (latest)"),
            Flag("--output", .value("FILE"), "where to (round-N.fedwt); - writes to standard output"),
            Flag("--wait", .value("SECONDS"), "how long to wait for it (0)"),
        ] + ClientFlags.all,
        run: { arguments throws(UsageFailure) in
            guard arguments.operands.isEmpty else {
                throw UsageFailure("pull takes flags only, not \(arguments.operands[0])")
            }
            let round = arguments["--round"] ?? "latest"
            guard round == "latest" || Int(round).map({ $0 >= 0 }) == true else {
                throw UsageFailure("--round has to be a number or latest, not \(round)")
            }
            let patience = try arguments["--wait"] == "0" ? 0 : arguments.seconds("--wait") ?? 0
            let url = try ClientFlags.base(arguments) + "/rounds/\(round)/result"
            let identity = try ClientFlags.identity(arguments)
            do {
                let output = arguments["--output"] ?? "round-\(round).fedwt"
                return try Pull(url: url, output: output, patience: patience, identity: identity).run()
            } catch {
                Terminal.error("fedgate: \(error)")
                return 1
            }
        })
}

private struct Pull {
    let url: String
    let output: String
    /// Seconds.
    let patience: Double
    let identity: HTTPIdentity

    func run() throws -> Int32 {
        let deadline = ContinuousClock.now + .seconds(patience)
        let client = try HTTPClient(identity)
        while true {
            let left = max(0, Int((deadline - .now).components.seconds))
            let answer = Answer(output)
            let bar = ProgressBar("pull")
            let reply = try client.request(
                "GET", url + "?wait=\(min(left, 30))", sink: answer.take,
                progress: { done, total in bar.show(done, total) })
            bar.end()
            if reply.status == 200 {
                try answer.finish(etag: reply.headers["etag"])
                return 0
            }
            // Not there yet, or the gateway is busy: as long as there is time, ask again when it says.
            guard reply.status == 404 || reply.status == 503,
                let pause = reply.headers["retry-after"].flatMap({ UInt32($0) }),
                .now < deadline
            else {
                Terminal.error("fedgate: " + ClientFlags.explain(reply.status, answer.problem))
                return 1
            }
            sleep(min(pause, 5))
        }
    }
}

/// The body of an answer on its way to a file, under another name until it is whole and right.
private final class Answer {
    private(set) var problem: [UInt8] = []
    private let output: String
    private var digest: SHA256? = SHA256()
    private var file: File?
    private var offset = 0

    init(_ output: String) { self.output = output }

    private var temporary: String { output + ".part" }

    func take(_ status: Int, _ piece: UnsafeRawBufferPointer) throws {
        guard status == 200 else {
            problem += piece
            return
        }
        digest?.update(piece)
        if output == "-" {
            var done = 0
            while done < piece.count {
                let count = write(1, piece.baseAddress.map { $0 + done }, piece.count - done)
                guard count > 0 else { throw StartFailure(description: "cannot write to standard output") }
                done += count
            }
        } else {
            if file == nil { file = try File(creating: temporary) }
            try file?.write(piece, at: offset)
        }
        offset += piece.count
    }

    func finish(etag: String?) throws {
        let found = digest.take()?.finalize() ?? []
        guard etag == nil || etag == "\"\(Hex.encode(found))\"" else {
            unlink(temporary)
            throw StartFailure(description: "what came is not what the gateway sent: its SHA-256 differs from the ETag")
        }
        guard output != "-" else { return }
        try file?.sync()
        guard rename(temporary, output) == 0 else { throw StartFailure(description: "cannot rename \(temporary)") }
        Terminal.error("\(output): \(ProgressBar.size(Double(offset)))")
    }
}
