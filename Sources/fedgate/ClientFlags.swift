internal import Files
internal import Flags
internal import Glibc
internal import HTTPClient
internal import WireJSON

/// What `push` and `pull` have in common.
enum ClientFlags {
    static let url = Flag("--url", .value("URL"), "of the gateway (http://127.0.0.1:8080)")

    /// Those of every command that asks a gateway.
    static let all = [
        url, Flag("--token-file", .value("FILE"), "the token to show ($FEDGATE_TOKEN)"),
        Flag("--ca", .value("FILE"), "authorities in PEM that the gateway's certificate may come from (the system's)"),
        Flag("--certificate", .value("FILE"), "the client's certificate in PEM"),
        Flag("--key", .value("FILE"), "its key in PEM (in the certificate's file)"),
    ]

    /// What the client shows of itself.
    ///
    /// A token is no flag: every user of the machine sees those.
    static func identity(_ arguments: Arguments) throws(UsageFailure) -> HTTPIdentity {
        var identity = HTTPIdentity()
        identity.authorities = arguments["--ca"]
        identity.certificate = arguments["--certificate"]
        identity.key = arguments["--key"]
        guard identity.key == nil || identity.certificate != nil else {
            throw UsageFailure("--key needs --certificate, too")
        }
        let token = try arguments["--token-file"].map { path throws(UsageFailure) in try line(of: path) }
        identity.token = token ?? getenv("FEDGATE_TOKEN").map { String(cString: $0) }
        guard identity.token?.utf8.allSatisfy({ 0x21...0x7e ~= $0 }) ?? true else {
            throw UsageFailure("the token has to be one word, as `fedgate token create` prints it")
        }
        return identity
    }

    /// A file's text without the end of its line.
    private static func line(of path: String) throws(UsageFailure) -> String {
        let bytes: [UInt8]
        do throws(FileFailure) { bytes = try File.contents(of: path, atMost: 1024) } catch {
            throw UsageFailure(error.description)
        }
        guard !bytes.isEmpty else { throw UsageFailure("\(path) is no token: it is empty") }
        let text = String(decoding: bytes, as: UTF8.self)
        return text.hasSuffix("\n") ? String(text.dropLast()) : text
    }

    static func base(_ arguments: Arguments) throws(UsageFailure) -> String {
        let text = arguments["--url"] ?? "http://127.0.0.1:8080"
        guard text.hasPrefix("http://") || text.hasPrefix("https://") else {
            throw UsageFailure("--url has to begin with http:// or https://, not \(text)")
        }
        return text.hasSuffix("/") ? String(text.dropLast()) : text
    }

    static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e:
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default: result += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return result
    }

    /// What a problem says, or the status where the answer is none.
    static func explain(_ status: Int, _ body: [UInt8]) -> String {
        guard let problem = (try? JSONValue(parsing: body))?.objectValue, let title = problem["title"]?.stringValue
        else {
            return "the gateway answered \(status)"
        }
        return "\(title) (\(status)): \(problem["detail"]?.stringValue ?? "")"
    }
}
