/// Settings that are right each for itself and not together.
enum Contradiction {
    static func all(in settings: Settings) -> [String] {
        passedThrough(settings) + sizes(settings) + levels(settings) + codings(settings) + certificates(settings)
    }

    /// Files that are of use only together.
    private static func certificates(_ settings: Settings) -> [String] {
        let needs = [
            (Catalogue.certificate, Catalogue.privateKey), (Catalogue.privateKey, Catalogue.certificate),
            (Catalogue.clientAuthorities, Catalogue.certificate), (Catalogue.revocations, Catalogue.clientAuthorities),
        ]
        return needs.compactMap { key, needed in
            guard settings[key] != nil, settings[needed] == nil else { return nil }
            let flag = needed.setting.flag.map { " (\($0))" } ?? ""
            return "\(settings.place(key.setting.name)) needs \(needed.setting.name)\(flag), too"
        }
    }

    private static func passedThrough(_ settings: Settings) -> [String] {
        var found = settings.properties.sorted { $0.key < $1.key }.compactMap { name, value in
            Passthrough.fixed[name].map { "\(place(name, value)) cannot be set: \($0)" }
        }
        if settings[Catalogue.brokers].isEmpty, let (name, value) = settings.properties.min(by: { $0.key < $1.key }) {
            found.append(
                "\(place(name, value)) needs Kafka, and the log is embedded: set kafka.bootstrap_servers, or leave it out"
            )
        }
        return found
    }

    private static func place(_ property: String, _ value: Settings.Value) -> String {
        switch value.source {
        case .file(let path, let line): "\(path):\(line): \(Passthrough.prefix)\(property)"
        case .flag(let name), .variable(let name): name
        }
    }

    private static func sizes(_ settings: Settings) -> [String] {
        let (chunk, record) = (settings[Catalogue.chunkSize], settings[Catalogue.maxMessageSize])
        guard chunk > record else { return [] }
        let name = Catalogue.chunkSize.setting.name
        return [
            "\(settings.place(name)) of \(Setting.bytes(chunk)) does not fit into a record: "
                + "kafka.max_message_size is \(Setting.bytes(record))"
        ]
    }

    private static func levels(_ settings: Settings) -> [String] {
        let codec = settings[Catalogue.compression]
        guard let level = settings[Catalogue.compressionLevel], let most = ["gzip": 9, "lz4": 12][codec], level > most
        else { return [] }
        let name = Catalogue.compressionLevel.setting.name
        return ["\(settings.place(name)) of \(level) is none of \(codec)'s, which are 1 to \(most)"]
    }

    private static func codings(_ settings: Settings) -> [String] {
        let codings = settings[Catalogue.contentCodings]
        let name = Catalogue.contentCodings.setting.name
        if codings == ["none"] { return [] }
        guard Set(codings).isSubset(of: ["zstd", "gzip"]), Set(codings).count == codings.count else {
            return [
                "\(settings.place(name)) has to be none or a list such as zstd,gzip, not \(codings.joined(separator: ","))"
            ]
        }
        return []
    }
}
