"""nginx as it comes, with sendfile and as many workers as there are processors."""

import os
import shutil
import time

from . import processes
from .processes import Failure


# What the gateway says with a result, without the length and what nginx says itself.
LINES = {
    "Fed-Round": "1", "Vary": "Accept, Accept-Encoding, Fed-Base", "Cache-Control": "public, max-age=31536000, immutable",
    "X-Request-Id": "$request_id", "X-Content-Type-Options": "nosniff",
}


class Nginx:
    """Serves the files under `root` until `end`; under `/lines` they have the header lines that the gateway's have."""

    def __init__(self, directory: str, root: str):
        if not shutil.which("nginx"):
            raise Failure("nginx is needed: apt-get install nginx")
        os.makedirs(os.path.join(directory, "logs"), exist_ok=True)
        self.port = processes.free_port()
        configuration = os.path.join(directory, "nginx.conf")
        with open(configuration, "w") as out:
            # Its workers would give up root otherwise, and with it the files.
            out.write("user root;\n" if os.geteuid() == 0 else "")
            lines = " ".join(f'add_header {name} "{value}";' for name, value in LINES.items())
            out.write(f"""daemon off; worker_processes auto; pid {directory}/nginx.pid; error_log {directory}/error.log;
events {{ worker_connections 4096; }}
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; etag on; types {{ }}
  client_body_temp_path {directory}/a; proxy_temp_path {directory}/b; fastcgi_temp_path {directory}/c;
  uwsgi_temp_path {directory}/d; scgi_temp_path {directory}/e;
  server {{ listen 127.0.0.1:{self.port}; root {root}; location /lines/ {{ alias {root}/; {lines} }} }} }}""")
        self.process = processes.start(["nginx", "-p", directory, "-c", configuration], os.path.join(directory, "nginx.log"))
        for _ in range(100):
            if not processes.is_free(self.port):
                return
            time.sleep(0.05)
        raise Failure("nginx does not listen:\n" + processes.tail(os.path.join(directory, "nginx.log")))

    def end(self) -> None:
        processes.stop(self.process)
