internal import Digests
internal import MicroHTTP

/// The page for people: three files that the build puts into the program.
enum StatusPage {
    /// One of the files, with what its answer needs.
    struct Asset: Sendable {
        let bytes: [UInt8]
        let type: String
        let etag: String

        init(_ bytes: [UInt8], _ type: String) {
            self.bytes = bytes
            self.type = type
            etag = "\"" + Hex.encode(bytes.withUnsafeBytes { SHA256.digest(of: $0) }).prefix(32) + "\""
        }
    }

    static let html = Asset(PackageResources.status_html, "text/html; charset=utf-8")
    static let files = [
        "style.css": Asset(PackageResources.status_css, "text/css; charset=utf-8"),
        "script.js": Asset(PackageResources.status_js, "text/javascript; charset=utf-8"),
    ]

    /// Nothing but its own files: whatever a client's name held, it could not make the page fetch or run anything.
    private static let policy =
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
        + "form-action 'none'; frame-ancestors 'none'"

    static func response(_ asset: Asset, _ request: borrowing Request) -> Response {
        let headers = [
            ("ETag", asset.etag), ("Cache-Control", "no-cache"), ("Vary", "Accept"),
            ("Content-Security-Policy", policy), ("Referrer-Policy", "no-referrer"),
        ]
        if request.header("If-None-Match").map({ EntityTags($0).matchWeakly(asset.etag) }) == true {
            return Response(status: 304, headers: headers)
        }
        return Response(status: 200, headers: headers + [("Content-Type", asset.type)], body: .bytes(asset.bytes))
    }
}
