/// A setting together with the type of its value: what the program asks `Settings` with.
public struct Key<Value: Sendable>: Sendable {
    /// How it is written and explained.
    public let setting: Setting
    let standard: Value
    let read: @Sendable (String) -> Value?

    private init(_ setting: Setting, _ standard: Value, _ read: @escaping @Sendable (String) -> Value?) {
        self.setting = setting
        self.standard = standard
        self.read = read
    }
}

extension Key where Value == Int {
    static func bytes(
        _ name: String, _ standard: Int, in range: ClosedRange<Int> = 1...Int.max, otherwise: String = "",
        flag: String? = nil, _ about: String
    ) -> Key {
        let text = otherwise.isEmpty ? Setting.bytes(standard) : nil
        let setting = Setting(
            name: name, form: .bytes(range), standard: text, otherwise: otherwise, flag: flag, about: about, remarks: []
        )
        return Key(setting, standard) { Setting.bytes($0) }
    }

    static func integer(
        _ name: String, _ standard: Int, in range: ClosedRange<Int>, otherwise: String = "", flag: String? = nil,
        remarks: [Setting.Remark] = [], _ about: String
    ) -> Key {
        let text = otherwise.isEmpty ? String(standard) : nil
        let setting = Setting(
            name: name, form: .integer(range), standard: text, otherwise: otherwise, flag: flag, about: about,
            remarks: remarks)
        return Key(setting, standard) { Int($0) }
    }
}

extension Key where Value == Int? {
    static func integer(
        _ name: String, in range: ClosedRange<Int>, otherwise: String, flag: String? = nil, _ about: String
    ) -> Key {
        let setting = Setting(
            name: name, form: .integer(range), standard: nil, otherwise: otherwise, flag: flag, about: about,
            remarks: [])
        return Key(setting, nil) { Int($0) }
    }

    static func bytes(_ name: String, otherwise: String, flag: String? = nil, _ about: String) -> Key {
        let setting = Setting(
            name: name, form: .bytes(1...Int.max), standard: nil, otherwise: otherwise, flag: flag, about: about,
            remarks: [])
        return Key(setting, nil) { Setting.bytes($0) }
    }
}

extension Key where Value == Double {
    static func number(
        _ name: String, _ standard: Double, in range: ClosedRange<Double>, unit: String, flag: String? = nil,
        remarks: [Setting.Remark] = [], _ about: String
    ) -> Key {
        let setting = Setting(
            name: name, form: .number(range, unit: unit), standard: Setting.plain(standard), otherwise: "", flag: flag,
            about: about, remarks: remarks)
        return Key(setting, standard) { Double($0) }
    }
}

extension Key where Value == Double? {
    static func number(
        _ name: String, unit: String, otherwise: String, flag: String? = nil, _ about: String
    ) -> Key {
        let range = Double.leastNonzeroMagnitude...Double.greatestFiniteMagnitude
        let setting = Setting(
            name: name, form: .number(range, unit: unit), standard: nil, otherwise: otherwise, flag: flag, about: about,
            remarks: [])
        return Key(setting, nil) { Double($0) }
    }
}

extension Key where Value == Bool {
    static func toggle(
        _ name: String, _ standard: Bool, flag: String? = nil, remarks: [Setting.Remark] = [], _ about: String
    ) -> Key {
        let setting = Setting(
            name: name, form: .toggle, standard: String(standard), otherwise: "", flag: flag, about: about,
            remarks: remarks)
        return Key(setting, standard) { Bool($0) }
    }
}

extension Key where Value == Bool? {
    static func toggle(_ name: String, otherwise: String, flag: String? = nil, _ about: String) -> Key {
        let setting = Setting(
            name: name, form: .toggle, standard: nil, otherwise: otherwise, flag: flag, about: about, remarks: [])
        return Key(setting, nil) { Bool($0) }
    }
}

extension Key where Value == String {
    static func text(
        _ name: String, _ standard: String, as what: String, flag: String? = nil, _ about: String
    ) -> Key {
        let setting = Setting(
            name: name, form: .text(what), standard: standard, otherwise: "", flag: flag, about: about, remarks: [])
        return Key(setting, standard) { $0 }
    }

    static func choice(
        _ name: String, _ standard: String, of words: [String], flag: String? = nil, remarks: [Setting.Remark] = [],
        _ about: String
    ) -> Key {
        let setting = Setting(
            name: name, form: .choice(words), standard: standard, otherwise: "", flag: flag, about: about,
            remarks: remarks)
        return Key(setting, standard) { $0 }
    }
}

extension Key where Value == String? {
    static func text(
        _ name: String, as what: String, otherwise: String, flag: String? = nil, _ about: String
    ) -> Key {
        let setting = Setting(
            name: name, form: .text(what), standard: nil, otherwise: otherwise, flag: flag, about: about, remarks: [])
        return Key(setting, nil) { $0 }
    }

    static func choice(
        _ name: String, of words: [String], otherwise: String, flag: String? = nil, _ about: String
    ) -> Key {
        let setting = Setting(
            name: name, form: .choice(words), standard: nil, otherwise: otherwise, flag: flag, about: about, remarks: []
        )
        return Key(setting, nil) { $0 }
    }
}

extension Key where Value == [String] {
    static func list(
        _ name: String, _ standard: [String], as what: String, otherwise: String = "", flag: String? = nil,
        _ about: String
    ) -> Key {
        let text = standard.joined(separator: ",")
        let setting = Setting(
            name: name, form: .list(what), standard: otherwise.isEmpty ? text : nil, otherwise: otherwise, flag: flag,
            about: about, remarks: [])
        return Key(setting, standard) { $0.split(separator: ",").map { String($0) } }
    }
}
