// swift-tools-version: 6.1
import PackageDescription

// Imports never point up this list: each module can be understood without opening the ones below it in the file.
// docs/architecture.md says what each one is for.

let house: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: house)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(name: name + "Tests", dependencies: [.byName(name: name)] + dependencies, swiftSettings: house)
}

func library(_ name: String, pkgConfig: String, apt: String) -> Target {
    .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([apt])])
}

let package = Package(
    name: "fedgate",
    targets: [
        // System libraries: a module map and a header each, imported by exactly one module.
        library("CCurl", pkgConfig: "libcurl", apt: "libcurl4-openssl-dev"),
        library("CGnuTLS", pkgConfig: "gnutls", apt: "libgnutls28-dev"),
        library("CLz4", pkgConfig: "liblz4", apt: "liblz4-dev"),
        library("CMicrohttpd", pkgConfig: "libmicrohttpd", apt: "libmicrohttpd-dev"),
        library("COpenSSL", pkgConfig: "libcrypto", apt: "libssl-dev"),
        library("CRdkafka", pkgConfig: "rdkafka", apt: "librdkafka-dev"),
        library("CSQLite", pkgConfig: "sqlite3", apt: "libsqlite3-dev"),
        library("CYaml", pkgConfig: "yaml-0.1", apt: "libyaml-dev"),
        library("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),
        library("CZstd", pkgConfig: "libzstd", apt: "libzstd-dev"),

        // Ground floor: no protocol in it.
        module("Bytes"),
        module("Threads"),
        module("WireJSON"),
        module("Digests", ["COpenSSL"]),
        module("Base64"),
        module("Compression", ["CLz4", "CZlib", "CZstd"]),
        module("WireTime"),
        module("Files"),
        module("Telemetry", ["Threads", "WireJSON", "WireTime"]),
        module("Certificates", ["CGnuTLS", "Digests", "Files"]),

        // What travels: weights, packages, messages.
        module("Weights"),
        module("WeightFormats", ["Base64", "Compression", "Files", "Weights", "WireJSON"]),

        module("Envelopes", ["Base64", "Bytes", "Compression", "Digests", "EventLog", "Files", "WireJSON"]),

        // Where it travels through.
        module("EventLog", ["Bytes", "Files"]),

        module("SQLiteLog", ["CSQLite", "EventLog", "Files", "Threads"]),
        module("KafkaLog", ["CRdkafka", "EventLog", "Telemetry", "Threads", "WireJSON"]),
        module("MicroHTTP", ["Bytes", "Certificates", "CMicrohttpd", "Threads"]),

        // What is done with it.
        module(
            "Aggregation",
            [
                "Bytes", "Compression", "Envelopes", "EventLog", "Files", "Telemetry", "Threads", "WeightFormats",
                "Weights", "WireJSON", "WireTime",
            ]),
        .target(
            name: "Gateway",
            dependencies: [
                "Aggregation", "Base64", "Bytes", "Certificates", "Compression", "Credentials", "Digests", "Envelopes",
                "EventLog",
                "Files",
                "MicroHTTP", "Telemetry", "Threads",
                "WeightFormats", "Weights", "WireJSON", "WireTime",
            ],
            resources: [
                .embedInCode("openapi.yaml"), .embedInCode("StatusPage/status.html"),
                .embedInCode("StatusPage/status.css"),
                .embedInCode("StatusPage/status.js"),
            ], swiftSettings: house),

        module("Credentials", ["Digests", "Files", "WireJSON", "WireTime"]),

        // The program.
        module("Flags"),
        module("Configuration", ["CYaml", "Flags"]),
        module("HTTPClient", ["CCurl"]),
        .executableTarget(
            name: "fedgate",
            dependencies: [
                "Aggregation", "Bytes", "Certificates", "Compression", "Configuration", "Credentials", "Digests",
                "Envelopes",
                "EventLog", "Files", "Flags",
                "Gateway",
                "HTTPClient",
                "KafkaLog", "MicroHTTP",
                "SQLiteLog",
                "Telemetry", "Threads",
                "WeightFormats", "Weights", "WireJSON", "WireTime",
            ], swiftSettings: house),

        // What every log has to do, run over each.
        .target(
            name: "EventLogConformance", dependencies: ["EventLog", "Bytes", "Threads"],
            path: "Tests/EventLogConformance", swiftSettings: house),
        .executableTarget(
            name: "sqlite-log-crasher", dependencies: ["Bytes", "EventLog", "SQLiteLog", "Threads"],
            path: "Tests/SQLiteLogCrasher", swiftSettings: house),
        tests("SQLiteLog", ["Bytes", "EventLog", "EventLogConformance", "Files", "Threads", "sqlite-log-crasher"]),
        tests("KafkaLog", ["Bytes", "CRdkafka", "EventLog", "EventLogConformance", "Threads"]),

        tests("Base64"),
        tests("Compression"),
        tests("Bytes"),
        tests("Threads"),
        tests("WireJSON"),
        tests("Digests"),
        tests("Files"),
        tests("Telemetry", ["Threads", "WireJSON"]),
        tests("WireTime"),
        tests("WeightFormats", ["Compression", "Files", "Weights", "WireJSON"]),
        tests(
            "Aggregation",
            [
                "Bytes", "Envelopes", "EventLog", "EventLogConformance", "Files", "SQLiteLog", "Telemetry", "Threads",
                "WeightFormats", "Weights", "WireJSON",
            ]),
        tests(
            "Gateway",
            ["Aggregation", "Compression", "Envelopes", "EventLog", "EventLogConformance", "Telemetry", "Threads"]),
        tests("Flags"),
        tests("Credentials"),
        tests("Configuration", ["Flags"]),
        tests("MicroHTTP", ["Bytes", "Certificates", "Threads"]),
        tests("Certificates", ["Digests"]),
        tests("Envelopes", ["Bytes", "Compression", "Digests", "EventLog", "Files", "WireJSON"]),
        // What fuzzing found, run again.
        .testTarget(
            name: "FuzzTests",
            dependencies: [
                "Base64", "Compression", "Digests", "Envelopes", "EventLog", "Files", "Gateway", "WeightFormats",
                "Weights", "WireJSON",
            ], path: "Fuzz/Targets", swiftSettings: house),
    ]
)
