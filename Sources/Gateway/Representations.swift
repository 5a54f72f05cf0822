internal import MicroHTTP
internal import Synchronization

/// The forms in which a result can be sent, and the answers to those who have one of them.
///
/// Another object whenever a form comes or goes.
///
/// Thread: any.
final class Representations: Sendable, Hashable {
    /// Different answers that are kept; nearly all clients ask alike.
    private static let most = 16

    let all: [Representation]
    private let answers = Mutex<[Response]>([])

    init(_ all: [Representation]) { self.all = all }

    /// A 304 with these header lines, made once for all who get the same.
    ///
    /// Without the length that 200 would have: it may be left out, and there are parsers that wait for such a body.
    func unchanged(_ headers: [(String, String)]) -> Response {
        answers.withLock { answers in
            if let known = answers.first(where: { $0.headers.elementsEqual(headers, by: ==) }) { return known }
            var answer = Response(status: 304, headers: headers)
            guard answers.count < Self.most else { return answer }
            answer.shared = SharedResponse()
            answers.append(answer)
            return answer
        }
    }

    static func == (one: Representations, other: Representations) -> Bool { one.all == other.all }

    func hash(into hasher: inout Hasher) { hasher.combine(all) }
}
