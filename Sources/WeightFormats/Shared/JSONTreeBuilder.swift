internal import WireJSON

/// Builds one JSON value from its parts, as they come.
///
/// Who feeds it bounds depth and size.
struct JSONTreeBuilder {
    private struct Open {
        let isObject: Bool
        var elements: [JSONValue] = []
        var members: [String: JSONValue] = [:]
        var key = ""
    }

    // Changed in place, never taken out and put back, which would copy all of it for each part.
    private var open: [Open] = []
    /// The value, once it is whole.
    private(set) var value: JSONValue?

    mutating func beginList() { open.append(Open(isObject: false)) }

    mutating func beginObject() { open.append(Open(isObject: true)) }

    /// False when the object has the key already.
    mutating func key(_ key: String) -> Bool {
        guard !open.isEmpty else { return false }
        open[open.count - 1].key = key
        return open[open.count - 1].members[key] == nil
    }

    /// Ends the list or object that was begun last.
    mutating func end() {
        guard let closed = open.popLast() else { return }
        add(closed.isObject ? .object(closed.members) : .array(closed.elements))
    }

    mutating func add(_ part: JSONValue) {
        guard let top = open.indices.last else {
            value = part
            return
        }
        if open[top].isObject {
            open[top].members[open[top].key] = part
        } else {
            open[top].elements.append(part)
        }
    }
}
