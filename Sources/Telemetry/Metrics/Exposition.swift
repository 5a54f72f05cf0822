/// The two text formats in which metrics are given out.
public enum Exposition: Sendable, CaseIterable {
    /// Prometheus text, exposition format 0.0.4.
    case prometheus
    /// OpenMetrics 1.0.
    case openMetrics

    /// What `Content-Type` says.
    public var mediaType: String {
        switch self {
        case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }

    /// The one that an `Accept` header prefers; Prometheus text unless it clearly says otherwise.
    ///
    /// - Parameter accept: the header's value.
    public init(accept: String?) {
        var best: [Exposition: Double] = [:]
        for item in (accept ?? "").split(separator: ",") {
            let parts = item.split(separator: ";").map { Self.trimmed($0).lowercased() }
            guard let type = parts.first else { continue }
            let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
            let version = parts.dropFirst().first { $0.hasPrefix("version=") }?.dropFirst(8)
            switch type {
            case "application/openmetrics-text" where version == nil || version == "1.0.0":
                best[.openMetrics] = max(best[.openMetrics] ?? 0, weight)
            case "text/plain" where version == nil || version == "0.0.4":
                best[.prometheus] = max(best[.prometheus] ?? 0, weight)
            default: continue
            }
        }
        let wanted = best[.openMetrics] ?? 0
        self = wanted > 0 && wanted >= best[.prometheus] ?? 0 ? .openMetrics : .prometheus
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}

extension MetricRegistry {
    /// All metrics as text.
    ///
    /// - Parameter format: in which of the formats.
    public func render(_ format: Exposition = .prometheus) -> [UInt8] {
        var page = Page(format: format)
        for family in families { page.write(family) }
        if format == .openMetrics { page.text += "# EOF\n" }
        return Array(page.text.utf8)
    }
}

/// A page that is being written.
private struct Page {
    let format: Exposition
    var text = ""

    mutating func write(_ family: MetricRegistry.Family) {
        var name = family.name
        // OpenMetrics names a counter's family without the suffix of its samples.
        if format == .openMetrics, family.kind == .counter, name.hasSuffix("_total") { name.removeLast(6) }
        text += "# HELP \(name) \(escaped(family.help, quotes: false))\n# TYPE \(name) \(family.kind.rawValue)\n"
        let unit = ["seconds", "bytes", "ratio"].first { name.hasSuffix("_" + $0) }
        if format == .openMetrics, let unit { text += "# UNIT \(name) \(unit)\n" }
        for (labels, series) in family.series { write(family.name, labels, series) }
        for collect in family.collectors {
            for (labels, value) in collect() { line(family.name, labels, number(value)) }
        }
    }

    private mutating func write(_ name: String, _ labels: MetricRegistry.Labels, _ series: MetricRegistry.Series) {
        switch series {
        case .counter(let counter): line(name, labels, String(counter.value))
        case .gauge(let read): line(name, labels, number(read()))
        case .histogram(let histogram):
            let (counts, sum) = histogram.snapshot
            var total: UInt64 = 0
            for (index, count) in counts.enumerated() {
                total += count
                let bound = index < histogram.bounds.count ? bound(histogram.bounds[index]) : "+Inf"
                line(name + "_bucket", labels + [("le", bound)], String(total))
            }
            line(name + "_sum", labels, number(sum))
            line(name + "_count", labels, String(total))
        }
    }

    private mutating func line(_ name: String, _ labels: MetricRegistry.Labels, _ value: String) {
        text += name
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0)=\"\(escaped($1, quotes: true))\"" }.joined(separator: ",") + "}"
        }
        text += " \(value)\n"
    }

    /// OpenMetrics has bounds written as floats.
    private func bound(_ value: Double) -> String {
        let text = number(value)
        return format == .openMetrics && text.allSatisfy(\.isNumber) ? text + ".0" : text
    }

    private func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\"" where quotes: result += "\\\""
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
        return value.description
    }
}
