internal import Weights

/// The names of the arrays of one body, none of which may come twice: arrays of different updates are matched by them.
///
/// It keeps the same texts as the arrays themselves, so that what bounds these (`DecodeLimits`) bounds it.
struct ArrayNames {
    private var taken: Set<String> = []

    /// Takes the name of one more array.
    ///
    /// - Parameters:
    ///   - name: of the array.
    ///   - offset: of the name in the body; looked for only when it is needed.
    ///   - array: index of the array, where that is known by its name.
    mutating func take(_ name: String, at offset: @autoclosure () -> UInt64, array: Int?) throws(WeightFailure) {
        guard taken.insert(name).inserted else {
            throw WeightFailure(
                "the name \(name.quoted) comes twice; each array needs one of its own", at: offset(), array: array,
                name: name)
        }
    }

    /// The names of arrays for a format in which each has one: `arr_N` where there is none.
    static func all(of arrays: [ArraySpec]) throws(WeightFailure) -> [String] {
        var names = ArrayNames()
        var all: [String] = []
        for (index, spec) in arrays.enumerated() {
            let name = spec.name ?? "arr_\(index)"
            try names.take(name, at: 0, array: index)
            all.append(name)
        }
        return all
    }
}
