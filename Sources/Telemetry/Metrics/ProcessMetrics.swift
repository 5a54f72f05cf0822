internal import Glibc

/// What the system knows of the process, under the names that Prometheus' own clients use.
public enum ProcessMetrics {
    /// Makes the metrics; they are read from `/proc` when they are asked for.
    ///
    /// - Parameters:
    ///   - registry: gets them.
    ///   - version: of the program.
    public static func register(in registry: MetricRegistry, version: String) {
        let started = startTime()
        registry.collect("process_cpu_seconds_total", "User and system CPU time.", .counter) {
            var usage = rusage()
            guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return [] }
            return [([], seconds(usage.ru_utime) + seconds(usage.ru_stime))]
        }
        registry.gauge("process_start_time_seconds", "When the process began, in seconds since 1970.") { started }
        let page = Double(sysconf(Int32(_SC_PAGESIZE)))
        registry.collect("process_resident_memory_bytes", "Memory of the process that is in RAM.", .gauge) {
            field(1, of: "/proc/self/statm").map { [([], $0 * page)] } ?? []
        }
        registry.collect("process_virtual_memory_bytes", "Address space of the process.", .gauge) {
            field(0, of: "/proc/self/statm").map { [([], $0 * page)] } ?? []
        }
        registry.collect("process_open_fds", "File descriptors in use.", .gauge) {
            openDescriptors().map { [([], Double($0))] } ?? []
        }
        registry.collect("process_max_fds", "File descriptors that may be used.", .gauge) {
            var limit = rlimit()
            guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return [] }
            return [([], Double(limit.rlim_cur))]
        }
        registry.collect("process_threads", "Threads of the process.", .gauge) {
            status("Threads:").map { [([], $0)] } ?? []
        }
        registry.gauge("fedgate_build_info", "Always 1; the labels say what runs.", [("version", version)]) { 1 }
    }

    private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }

    private static func startTime() -> Double {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var up = timespec()
        clock_gettime(CLOCK_BOOTTIME, &up)
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        // The program's name, second in the line, may hold blanks; what follows it does not.
        let fields = text(of: "/proc/self/stat").split(separator: ")").last?.split(separator: " ") ?? []
        let wall = Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
        guard fields.count > 19, let start = Double(fields[19]), ticks > 0 else { return wall }
        return wall - Double(up.tv_sec) - Double(up.tv_nsec) / 1e9 + start / ticks
    }

    private static func field(_ index: Int, of path: String) -> Double? {
        let fields = text(of: path).split(separator: " ")
        return fields.count > index ? Double(fields[index]) : nil
    }

    private static func status(_ name: String) -> Double? {
        let line = text(of: "/proc/self/status").split(separator: "\n").first { $0.hasPrefix(name) }
        return line.flatMap { $0.split(whereSeparator: \.isWhitespace).last }.flatMap { Double($0) }
    }

    private static func openDescriptors() -> Int? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        // Itself, its parent, and the directory that was opened to count them.
        return max(0, count - 3)
    }

    private static func text(of path: String) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        let bytes = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
            count = max(0, read(file, buffer.baseAddress, buffer.count))
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
