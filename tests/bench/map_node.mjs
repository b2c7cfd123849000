// A runner of the POST-per-call kind and its client: a process per slot behind one port, one HTTP request a call.
//   node map_node.mjs serve PORT    ·    node map_node.mjs map PORT FUNCTION <items
import cluster from 'node:cluster';
import http from 'node:http';
import readline from 'node:readline';

const [, , role, port, fn] = process.argv;
const functions = {
  add: (x) => Number(x) + 1,
  echo: (x) => x,
  cpu_ms: (x) => {
    const from = process.cpuUsage();
    for (;;) {
      const used = process.cpuUsage(from);
      if (used.user + used.system >= Number(x) * 1000) return Number(x);
    }
  },
  sleep_ms: (x) => new Promise((done) => setTimeout(() => done(Number(x)), Number(x))),
};

if (role === 'serve' && cluster.isPrimary) {
  for (let i = 0; i < 2; ++i) cluster.fork();
} else if (role === 'serve') {
  http.createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', async () => {
      const { path, args } = JSON.parse(Buffer.concat(parts));
      response.end(JSON.stringify({ result: await functions[path](...args) }));
    });
  }).listen(Number(port), '127.0.0.1');
} else {
  const agent = new http.Agent({ keepAlive: true, maxSockets: fn === 'add' || fn === 'echo' ? 32 : 4 });
  const post = (item) => new Promise((done, failed) => {
    const request = http.request({ host: '127.0.0.1', port, method: 'POST', agent }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => done(JSON.parse(Buffer.concat(parts)).result));
    });
    request.on('error', failed);
    request.end(JSON.stringify({ path: fn, args: [item] }));
  });
  const window = [];
  for await (const item of readline.createInterface({ input: process.stdin })) {
    window.push(post(item));
    if (window.length >= 64) process.stdout.write(`${await window.shift()}\n`);
  }
  for (const result of window) process.stdout.write(`${await result}\n`);
  agent.destroy();
}
