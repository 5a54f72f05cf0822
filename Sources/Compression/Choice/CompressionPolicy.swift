/// How payloads are to be compressed.
public enum CompressionPolicy: Sendable, Hashable {
    /// All in one way, without a filter; at the codec's own level where none is given.
    case fixed(Codec, level: Int? = nil)
    /// Each as suits it best, judged by how it begins: filter and codec, or neither.
    case best

    /// All names, for a person who has to choose.
    public static let names = Codec.allCases.map(\.rawValue) + ["auto"]

    /// The policy of that name: a codec's, or `auto`.
    public init?(name: String) {
        if name == "auto" {
            self = .best
        } else if let codec = Codec(rawValue: name) {
            self = .fixed(codec)
        } else {
            return nil
        }
    }

    /// The policy with a level, as far as its codec has that one.
    public func at(level: Int?) -> CompressionPolicy {
        guard case .fixed(let codec, _) = self, let level, codec.levels.contains(level), codec != .none else {
            return self
        }
        return .fixed(codec, level: level)
    }

    /// As it is chosen by.
    public var name: String {
        switch self {
        case .fixed(let codec, _): codec.rawValue
        case .best: "auto"
        }
    }

    /// Whether payloads stay as they are, so that nothing has to be asked of a compressor.
    public var isNone: Bool { self == .fixed(.none) }
}
