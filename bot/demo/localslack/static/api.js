// Talks to the local Slack's own endpoints.

export async function get(path, params = {}) {
  const response = await fetch(`${path}?${new URLSearchParams(params)}`);
  return response.json();
}

export async function post(path, body) {
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    return await response.json();
  } catch {
    return { ok: false, error: "unreachable" };
  }
}

// Listens to changes as one person; calls back with each, and on every (re)connection.
export function stream(user, { onChange, onOpen, onClose }) {
  let socket = null;
  let stopped = false;
  let timer = 0;
  const connect = () => {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    socket = new WebSocket(`${scheme}://${location.host}/local/stream?user=${encodeURIComponent(user)}`);
    const mine = socket;
    mine.onopen = () => (stopped ? mine.close() : onOpen());
    socket.onmessage = (event) => onChange(JSON.parse(event.data));
    socket.onclose = () => {
      if (stopped) return;
      onClose();
      timer = setTimeout(connect, 1000);
    };
  };
  connect();
  return () => {
    stopped = true;
    clearTimeout(timer);
    socket.onmessage = null;
    // one that still connects closes when it is open: the browser complains of anything sooner
    if (socket.readyState !== WebSocket.CONNECTING) socket.close();
  };
}
