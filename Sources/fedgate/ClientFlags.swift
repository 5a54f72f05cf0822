internal import Flags
internal import HTTPClient
internal import WireJSON

/// What `push` and `pull` have in common.
enum ClientFlags {
    static let url = Flag("--url", .value("URL"), "of the gateway (http://127.0.0.1:8080)")

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
