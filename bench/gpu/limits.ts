/**
 * What the device itself can do, as WebGPU lets it: memory bandwidth, the price of a dispatch and of a dependency, the
 * latency of submit and readback, arithmetic rates. Every other figure is a share of one of these.
 */
import { measureBandwidth } from "../../src/gpu/bandwidth.ts";
import { type Encode, type Lab, randomBytes, round } from "./harness.ts";

const GIB = 2 ** 30;

const READ = (loads: number) => `
@group(0) @binding(0) var<storage, read> source: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> target_: array<u32>;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let at = (group.y * 32768u + group.x) * 256u * ${loads}u + local;
  ${Array.from({ length: loads }, (_, i) => `let v${i} = source[at + ${i * 256}u];`).join("\n  ")}
  let v = ${Array.from({ length: loads }, (_, i) => `v${i}`).join(" ^ ")};
  if ((v.x ^ v.y ^ v.z ^ v.w) == 0x12345678u) { target_[local] = v.x; }
}`;

const COPY = `
@group(0) @binding(0) var<storage, read> source: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> target_: array<vec4<u32>>;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let at = (group.y * 32768u + group.x) * 1024u + local;
  let a = source[at];
  let b = source[at + 256u];
  let c = source[at + 512u];
  let d = source[at + 768u];
  target_[at] = a;
  target_[at + 256u] = b;
  target_[at + 512u] = c;
  target_[at + 768u] = d;
}`;

export async function bandwidth(lab: Lab) {
  const software = lab.gpu.info.software;
  const bytes = software ? 64 * 2 ** 20 : Math.min(1.75 * GIB, lab.gpu.maxBindableBytes);
  const size = Math.floor(bytes / 2 ** 21) * 2 ** 21;
  const buffers = Array.from({ length: software ? 1 : 3 }, () => lab.buffer(size));
  const chunk = randomBytes(16 * 2 ** 20);
  for (const buffer of buffers) lab.fill(buffer, chunk);
  const sink = lab.buffer(1024);
  const result: Record<string, number> = {};
  for (const loads of [1, 2, 4, 8]) {
    const pipeline = await lab.pipeline(READ(loads));
    const groups = buffers.map((buffer) => lab.bind(pipeline, [buffer, sink]));
    const count = size / (4096 * loads);
    const us = await lab.time((pass) => {
      pass.setPipeline(pipeline);
      for (const group of groups) {
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(Math.min(count, 32768), Math.ceil(count / 32768));
      }
    });
    result[`read, ${loads} loads of 16 B an invocation, GB/s`] = round(size * buffers.length / us / 1000, 1);
  }
  if (buffers.length > 1) {
    const pipeline = await lab.pipeline(COPY);
    const group = lab.bind(pipeline, [buffers[0]!, buffers[1]!]);
    const count = size / 16384;
    const us = await lab.time((pass) => {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(Math.min(count, 32768), Math.ceil(count / 32768));
    });
    result["copy, bytes read plus written, GB/s"] = round(2 * size / us / 1000, 1);
  }
  // As an engine does at its start, by the host's clock and without anything that warms the device up.
  await new Promise((resolve) => setTimeout(resolve, software ? 0 : 500));
  const begin = performance.now();
  result["read, as an engine measures it, GB/s"] = round((await measureBandwidth(lab.gpu) ?? 0) / 1e9, 3);
  result["which takes it, ms"] = round(performance.now() - begin, 0);
  return result;
}

const TINY = `
@group(0) @binding(0) var<storage, read_write> data: array<u32>;
@compute @workgroup_size(128)
fn main(@builtin(global_invocation_id) id: vec3<u32>) { data[id.x] = data[id.x] + 1u; }`;

/** Dispatches that do next to nothing: what a launch costs, and what a dependency on the one before adds. */
export async function gaps(lab: Lab) {
  const pipeline = await lab.pipeline(TINY);
  const result: Record<string, number> = {};
  const count = 400;
  for (const workgroups of [1, 132, 1056]) {
    const buffers = Array.from({ length: 8 }, () => lab.buffer(workgroups * 512));
    const groups = buffers.map((buffer) => lab.bind(pipeline, [buffer]));
    const chain = (used: number): Encode => (pass) => {
      pass.setPipeline(pipeline);
      for (let i = 0; i < count; i++) {
        pass.setBindGroup(0, groups[i % used]!);
        pass.dispatchWorkgroups(workgroups);
      }
    };
    result[`${workgroups} workgroups, each depends on the last, µs`] = round(
      await lab.time(chain(1)) / count,
    );
    result[`${workgroups} workgroups, depends on the one 8 before, µs`] = round(
      await lab.time(chain(8)) / count,
    );
  }
  return result;
}

/** Host side: submit, and the readback that does not await. */
export async function host(lab: Lab) {
  const { device } = lab;
  const pipeline = await lab.pipeline(TINY);
  const buffer = lab.buffer(512);
  const group = lab.bind(pipeline, [buffer]);
  const staging = lab.buffer(256, GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ);
  await staging.mapAsync(GPUMapMode.READ);
  staging.unmap();
  const step = (dispatches: number) => {
    const t0 = performance.now();
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    for (let i = 0; i < dispatches; i++) {
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(1);
    }
    pass.end();
    encoder.copyBufferToBuffer(buffer, 0, staging, 0, 4);
    const t1 = performance.now();
    const commands = encoder.finish();
    const t2 = performance.now();
    device.queue.submit([commands]);
    const t3 = performance.now();
    staging.mapAsync(GPUMapMode.READ, 0, 4).catch(() => {});
    staging.getMappedRange(0, 4);
    staging.unmap();
    const t4 = performance.now();
    return [t1 - t0, t2 - t1, t3 - t2, t4 - t3];
  };
  const result: Record<string, number> = {};
  for (const dispatches of [1, 165]) {
    const rounds: number[][] = [];
    for (let i = 0; i < 60; i++) {
      rounds.push(step(dispatches));
      if (i % 20 === 19) await new Promise((resolve) => setTimeout(resolve, 15)); // lets the map's promises settle
    }
    ["encode", "finish", "submit", "map and read"].forEach((name, index) => {
      const sorted = rounds.map((times) => times[index]!).sort((a, b) => a - b);
      result[`${dispatches} dispatches, ${name}, µs`] = round(sorted[30]! * 1000, 0);
    });
  }
  const bytes = 64 * 2 ** 20;
  const target = lab.buffer(bytes);
  const chunk = randomBytes(bytes);
  for (const part of [4, 16, 64]) {
    const begin = performance.now();
    for (let turn = 0; turn < 4; turn++) {
      for (let at = 0; at < bytes; at += part * 2 ** 20) {
        device.queue.writeBuffer(target, at, chunk, at, part * 2 ** 20);
        device.queue.submit([]);
      }
    }
    await device.queue.onSubmittedWorkDone();
    result[`writeBuffer in pieces of ${part} MiB, GB/s`] = round(
      4 * bytes / (performance.now() - begin) / 1e6,
    );
  }
  return result;
}

const ALU: Readonly<
  Record<
    string,
    {
      readonly body: string;
      readonly init: string;
      readonly ops: number;
      readonly enable?: string;
      readonly before?: string;
    }
  >
> = {
  "f32 fma": {
    init: "var N = vec4<f32>(x + N.0, x + N.1, x + N.2, x + N.3);",
    body: "N = fma(N, vec4<f32>(0.999), vec4<f32>(y));",
    ops: 4,
  },
  "f16 fma in pairs": {
    enable: "enable f16;",
    init: "var N = vec2<f16>(f16(x + N.1), f16(x + N.0));",
    // A conversion inside of the loop is not moved out of it, and halves the figure.
    before: "let a = vec2<f16>(0.999h, f16(x)); let b = vec2<f16>(f16(y), f16(x));",
    body: "N = fma(N, a, b);",
    ops: 2,
  },
  "int8 dot4 (four products each)": {
    init: "var N = i32(x) + N;",
    body: "N = dot4I8Packed(u32(N), 0x01020304u) + N;",
    ops: 1,
  },
  "unpack2x16float (two values each)": {
    init: "var N = u32(x) + Nu;",
    body: "{ let p = unpack2x16float(N); N = bitcast<u32>(p.x + p.y); }",
    ops: 1,
  },
  "integer and, shift, or": {
    init: "var N = u32(x) + Nu;",
    body: "N = ((N & 0x00800080u) << 8u) | ((N & 0x007f007fu) << 7u);",
    ops: 1,
  },
};

/** Giga-operations a second; an fma of one element counts once. */
export async function arithmetic(lab: Lab) {
  const result: Record<string, number | string> = {};
  const software = lab.gpu.info.software;
  const workgroups = software ? 8 : 132 * 16;
  const loops = software ? 4 : 64;
  const chains = 8;
  for (const [name, { body, init, ops, enable = "", before = "" }] of Object.entries(ALU)) {
    const names = Array.from({ length: chains }, (_, i) => `v${i}`);
    const fit = (text: string, id: string, i: number) =>
      text.replaceAll(/N\.(\d)/g, `${i}.$1`).replaceAll("Nu", `${i}u`).replace(
        / \+ N;$/,
        text.startsWith("var") ? ` + ${i};` : ` + ${id};`,
      )
        .replaceAll(/\bN\b/g, id);
    const code = `${enable}
@group(0) @binding(0) var<storage, read_write> data: array<f32>;
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let x = data[id.x & 255u];
  let y = data[(id.x + 1u) & 255u];
  ${before}
  ${names.map((id, i) => fit(init, id, i)).join("\n  ")}
  for (var i = 0u; i < ${loops}u; i++) {
    ${Array.from({ length: 16 }, () => names.map((id, i) => fit(body, id, i)).join("\n    ")).join("\n    ")}
  }
  if (${
      names.map((id) =>
        // Every component: what is not used is not computed.
        name.startsWith("f32")
          ? `dot(${id}, vec4<f32>(1.0))`
          : name.startsWith("f16")
          ? `f32(${id}.x) + f32(${id}.y)`
          : `f32(${id})`
      ).join(" + ")
    } == 12345.0) { data[id.x] = 1.0; }
}`;
    try {
      const pipeline = await lab.pipeline(code);
      const buffer = lab.buffer(4096);
      const group = lab.bind(pipeline, [buffer]);
      const us = await lab.time((pass) => {
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(workgroups);
      });
      result[`${name}, G/s`] = round(workgroups * 256 * loops * 16 * chains * ops / us / 1000, 0);
    } catch (error) {
      result[`${name}, G/s`] = String(error).slice(0, 120);
    }
  }
  result["f32 subnormals survive a product"] = String(await keepsSubnormals(lab));
  return result;
}

async function keepsSubnormals(lab: Lab): Promise<boolean> {
  const pipeline = await lab.pipeline(`
@group(0) @binding(0) var<storage, read_write> data: array<u32>;
@compute @workgroup_size(1)
fn main() { data[1] = bitcast<u32>(bitcast<f32>(data[0]) * 1.329227995784916e36); }`); // 2^120
  const buffer = lab.buffer(16);
  lab.device.queue.writeBuffer(buffer, 0, Uint32Array.of(3 << 20)); // 3 · 2^−129: a subnormal
  const encoder = lab.device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, lab.bind(pipeline, [buffer]));
  pass.dispatchWorkgroups(1);
  pass.end();
  lab.device.queue.submit([encoder.finish()]);
  const [, bits] = new Uint32Array(await lab.read(buffer, 8));
  return new Float32Array(Uint32Array.of(bits!).buffer)[0] === 3 * 2 ** -9;
}
