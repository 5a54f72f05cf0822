import Foundation
import Testing

@testable import Certificates

@Suite(.enabled(if: Openssl.isThere, "needs the command openssl")) struct ServerCredentialsTests {
    private func failure(_ files: TLSFiles) -> String {
        do throws(CertificateFailure) {
            _ = try ServerCredentials(files)
            return ""
        } catch { return String(describing: error) }
    }

    @Test func goodFilesAndTheirEnd() throws {
        let openssl = try Openssl()
        try openssl.make("server", days: 3)
        try openssl.make("authority", days: 1)
        var files = TLSFiles(certificate: openssl.path("server.pem"), key: openssl.path("server.key"))
        let left = try ServerCredentials(files).expires - Date().timeIntervalSince1970
        #expect((2.9...3.1).contains(left / 86_400))
        #expect(try !ServerCredentials(files).asksClients)
        // The first end in a chain is the one that counts.
        try openssl.write(openssl.read("server.pem") + openssl.read("authority.pem"), "chain.pem")
        files.certificate = openssl.path("chain.pem")
        files.clientAuthorities = openssl.path("authority.pem")
        let credentials = try ServerCredentials(files)
        #expect(credentials.expires - Date().timeIntervalSince1970 < 1.1 * 86_400 && credentials.asksClients)
        // One file for both.
        try openssl.write(openssl.read("server.key") + openssl.read("server.pem"), "both.pem")
        _ = try ServerCredentials(TLSFiles(certificate: openssl.path("both.pem"), key: openssl.path("both.pem")))
    }

    @Test func whatIsWrongIsSaidWithTheFile() throws {
        let openssl = try Openssl()
        try openssl.make("server")
        try openssl.make("other")
        try openssl.write("", "empty")
        try openssl.write("-----BEGIN NONSENSE-----\n", "nonsense")
        let (certificate, key) = (openssl.path("server.pem"), openssl.path("server.key"))
        let (empty, nonsense) = (openssl.path("empty"), openssl.path("nonsense"))

        #expect(failure(TLSFiles(certificate: openssl.path("none"), key: key)).contains("none"))
        #expect(failure(TLSFiles(certificate: empty, key: key)) == "\(empty) is empty")
        #expect(failure(TLSFiles(certificate: nonsense, key: key)).hasPrefix("\(nonsense): has no certificate"))
        #expect(failure(TLSFiles(certificate: certificate, key: nonsense)).hasPrefix("\(nonsense): is no private key"))
        let mismatch = failure(TLSFiles(certificate: certificate, key: openssl.path("other.key")))
        #expect(mismatch.contains("other.key: is not the key of \(certificate)"))
        var files = TLSFiles(certificate: certificate, key: key)
        files.clientAuthorities = nonsense
        #expect(failure(files).hasPrefix("\(nonsense): has no authority"))
        files.clientAuthorities = openssl.path("other.pem")
        files.revocations = nonsense
        #expect(failure(files).hasPrefix("\(nonsense): has no revocations"))
    }

    @Test func aKeyBehindAPassphraseIsRefusedWithoutAQuestion() throws {
        let openssl = try Openssl()
        try openssl.make("server")
        let (plain, locked) = (openssl.path("server.key"), openssl.path("locked.key"))
        try #require(
            try Openssl.run(["pkcs8", "-topk8", "-in", plain, "-out", locked, "-passout", "pass:secret"]) == 0)
        #expect(
            failure(TLSFiles(certificate: openssl.path("server.pem"), key: locked)).contains("without a passphrase"))
    }
}
