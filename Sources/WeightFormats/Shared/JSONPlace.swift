/// Where in a JSON text a value stands, for a refusal: who reads a small text as a whole keeps no places.
struct JSONPlace {
    /// From a value to one within it.
    enum Step: Equatable { case key(String), index(Int) }

    private struct Level {
        /// Whether the way leads through it.
        let isOnWay: Bool
        let isObject: Bool
        /// Of the element that came last.
        var index = -1
    }

    private let way: [Step]
    private var levels: [Level] = []
    private var key = ""

    private init(_ way: [Step]) { self.way = way }

    /// Looks for a value.
    ///
    /// - Parameters:
    ///   - way: to it from the outermost value.
    ///   - text: that was read already.
    ///   - origin: of the text in the body.
    /// - Returns: of the value's first byte in the body; the text's own when there is no such value.
    static func find(_ way: Step..., in text: [UInt8], at origin: UInt64) -> UInt64 {
        var search = JSONPlace(way)
        var tokenizer = JSONTokenizer(maximumToken: text.count)
        var place = 0
        return text.withUnsafeBytes { bytes in
            while let event = try? tokenizer.next(bytes, &place, origin: origin) {
                if search.isFound(with: event) { return tokenizer.start }
            }
            return origin
        }
    }

    private mutating func isFound(with event: JSONTokenizer.Event) -> Bool {
        switch event {
        case .key(let next):
            key = next
            return false
        case .endObject, .endList:
            levels.removeLast()
            return false
        case .scalar: return isOnWay() && levels.count == way.count
        case .beginObject, .beginList:
            let isOnWay = isOnWay()
            if isOnWay, levels.count == way.count { return true }
            let isObject = if case .beginObject = event { true } else { false }
            levels.append(Level(isOnWay: isOnWay, isObject: isObject))
            return false
        }
    }

    /// Whether the way leads to the value that begins.
    private mutating func isOnWay() -> Bool {
        guard let last = levels.indices.last else { return true }
        levels[last].index += 1
        guard levels[last].isOnWay else { return false }
        return way[last] == (levels[last].isObject ? .key(key) : .index(levels[last].index))
    }
}
