// What of WebGPU the basic program leaves out: storage textures, timestamp and occlusion queries, render bundles,
// error scopes, indirect draws and dispatches, and many readbacks in flight. Usage in support.mjs.
import { check, finish, makeDevice, readBack, readTexture } from './support.mjs';

const device = await makeDevice(['timestamp-query']);
const storage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;

function computePipeline(code, constants) {
  return device.createComputePipeline({ layout: 'auto',
    compute: { module: device.createShaderModule({ code }), entryPoint: 'main', constants } });
}

function bind(pipeline, resources, index = 0) {
  return device.createBindGroup({ layout: pipeline.getBindGroupLayout(index),
    entries: resources.map((resource, binding) => ({ binding, resource })) });
}

function makeTarget(size = 128) {
  return device.createTexture({ size: [size, size], format: 'rgba8unorm',
    usage: GPUTextureUsage.RENDER_ATTACHMENT | GPUTextureUsage.COPY_SRC });
}

function trianglePipeline() {
  const module = device.createShaderModule({ code: `
    struct Out { @builtin(position) position: vec4f, @location(0) color: vec4f };
    @vertex fn vertex(@builtin(vertex_index) v: u32, @builtin(instance_index) n: u32) -> Out {
      let corner = vec2f(f32(v == 1u), f32(v == 2u)) * 0.5;
      var out: Out;
      out.position = vec4f(corner + vec2f(f32(n % 4u), f32(n / 4u)) * 0.5 - 1.0, 0.5, 1.0);
      out.color = vec4f(f32(n) / 16.0, corner, 1.0);
      return out;
    }
    @fragment fn fragment(in: Out) -> @location(0) vec4f { return in.color; }` });
  return device.createRenderPipeline({ layout: 'auto', vertex: { module, entryPoint: 'vertex' },
    fragment: { module, entryPoint: 'fragment', targets: [{ format: 'rgba8unorm' }] } });
}

function renderTo(texture, draw, extra = {}) {
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginRenderPass({ ...extra,
    colorAttachments: [{ view: texture.createView(), clearValue: [0, 0, 0.25, 1], loadOp: 'clear', storeOp: 'store' }] });
  draw(pass);
  pass.end();
  return encoder;
}

// One layered texture written by a compute shader, then read by another as a storage texture and as a sampled one.
async function storageTextures() {
  const usage = GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_SRC;
  const first = device.createTexture({ size: [64, 64, 3], format: 'r32uint', usage });
  const second = device.createTexture({ size: [64, 64], format: 'rgba8unorm', usage });
  const write = computePipeline(`
    @group(0) @binding(0) var result: texture_storage_2d_array<r32uint, write>;
    @compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3u) {
      textureStore(result, id.xy, id.z, vec4u((id.x * 31u) ^ (id.y * 17u) ^ (id.z * 1021u), 0, 0, 0));
    }`);
  const change = computePipeline(`
    @group(0) @binding(0) var image: texture_storage_2d<r32uint, read_write>;
    @compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3u) {
      textureStore(image, id.xy, textureLoad(image, id.xy) * 3u + 1u);
    }`);
  const mix = computePipeline(`
    @group(0) @binding(0) var source: texture_2d_array<u32>;
    @group(0) @binding(1) var result: texture_storage_2d<rgba8unorm, write>;
    @compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3u) {
      let layers = vec3u(textureLoad(source, id.xy, 0, 0).r, textureLoad(source, id.xy, 1, 0).r,
                         textureLoad(source, id.xy, 2, 0).r);
      textureStore(result, id.xy, vec4f(vec3f(layers & vec3u(255u)) / 255.0, 1.0));
    }`);
  const encoder = device.createCommandEncoder();
  const dispatch = (pipeline, layers, resources) => {
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bind(pipeline, resources));
    pass.dispatchWorkgroups(8, 8, layers);
    pass.end();
  };
  dispatch(write, 3, [first.createView()]);
  dispatch(change, 1, [first.createView({ dimension: '2d', baseArrayLayer: 1, arrayLayerCount: 1 })]);
  dispatch(mix, 1, [first.createView(), second.createView()]);
  device.queue.submit([encoder.finish()]);
  const words = new Uint32Array((await readTexture(device, first)).buffer);
  check(words[64 * 64 + 64 * 5 + 7] === ((7 * 31) ^ (5 * 17) ^ 1021) * 3 + 1, 'storage texture: a texel is wrong');
  return Buffer.concat([new Uint8Array(words.buffer), await readTexture(device, second)]);
}

// The times differ from run to run: what is compared is that they are there, in order, and not absurd.
async function timestampQueries() {
  if (!device.features.has('timestamp-query')) return Buffer.from('no timestamps');
  const set = device.createQuerySet({ type: 'timestamp', count: 4 });
  const buffer = device.createBuffer({ size: 32, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
  const work = computePipeline('@compute @workgroup_size(64) fn main() {}');
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass({ timestampWrites:
    { querySet: set, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 } });
  pass.setPipeline(work);
  pass.dispatchWorkgroups(64);
  pass.end();
  const target = makeTarget();
  const render = encoder.beginRenderPass({
    timestampWrites: { querySet: set, beginningOfPassWriteIndex: 2, endOfPassWriteIndex: 3 },
    colorAttachments: [{ view: target.createView(), loadOp: 'clear', storeOp: 'store' }] });
  render.end();
  encoder.resolveQuerySet(set, 0, 4, buffer, 0);
  device.queue.submit([encoder.finish()]);
  const times = [...new BigUint64Array((await readBack(device, buffer, 32)).buffer)];
  check(times.every((time, i) => time > 0n && (i === 0 || time >= times[i - 1])), `timestamps: ${times}`);
  check(times[3] - times[0] < 60_000_000_000n, `timestamps span more than a minute: ${times}`);
  return Buffer.from('timestamps in order');
}

async function occlusionQueries() {
  const set = device.createQuerySet({ type: 'occlusion', count: 2 });
  const buffer = device.createBuffer({ size: 16, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
  const pipeline = trianglePipeline();
  const encoder = renderTo(makeTarget(), (pass) => {
    pass.setPipeline(pipeline);
    pass.beginOcclusionQuery(0);
    pass.draw(3, 16);
    pass.endOcclusionQuery();
    pass.setScissorRect(0, 0, 0, 0);
    pass.beginOcclusionQuery(1);
    pass.draw(3, 16);
    pass.endOcclusionQuery();
  }, { occlusionQuerySet: set });
  encoder.resolveQuerySet(set, 0, 2, buffer, 0);
  device.queue.submit([encoder.finish()]);
  const seen = new BigUint64Array((await readBack(device, buffer, 16)).buffer);
  check(seen[0] > 0n && seen[1] === 0n, `occlusion: ${seen}`);
  return Buffer.from(`${seen[0] > 0n} ${seen[1]}`);
}

// A bundle recorded once and replayed in two passes beside direct draws.
async function renderBundles() {
  const pipeline = trianglePipeline();
  const recorder = device.createRenderBundleEncoder({ colorFormats: ['rgba8unorm'] });
  recorder.setPipeline(pipeline);
  for (let n = 0; n < 16; n += 3) recorder.draw(3, 1, 0, n);
  const bundle = recorder.finish();
  const parts = [];
  for (const direct of [1, 5]) {
    const texture = makeTarget();
    const encoder = renderTo(texture, (pass) => {
      pass.executeBundles([bundle, bundle]);
      pass.setPipeline(pipeline);
      pass.draw(3, 1, 0, direct);
    });
    device.queue.submit([encoder.finish()]);
    parts.push(await readTexture(device, texture));
  }
  check(Buffer.compare(parts[0], parts[1]) !== 0, 'bundles: the direct draws show');
  return Buffer.concat(parts);
}

// Validation errors and failed pipelines arrive in their scope and nowhere else.
async function errorScopes() {
  const said = [];
  device.pushErrorScope('validation');
  device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
  said.push((await device.popErrorScope())?.constructor.name);
  device.pushErrorScope('out-of-memory');
  device.pushErrorScope('validation');
  device.createTexture({ size: [1 << 20, 1], format: 'rgba8unorm', usage: GPUTextureUsage.COPY_SRC });
  said.push((await device.popErrorScope())?.constructor.name, await device.popErrorScope());
  device.pushErrorScope('validation');
  const broken = device.createShaderModule({ code: '@compute fn main() { nonsense }' });
  said.push((await device.popErrorScope())?.constructor.name, (await broken.getCompilationInfo()).messages.length > 0);
  const failed = await device.createComputePipelineAsync({ layout: 'auto', compute: { module: broken } })
    .then(() => 'created', (error) => error.constructor.name);
  device.pushErrorScope('validation');
  computePipeline('@compute @workgroup_size(1) fn main() {}');
  said.push(failed, await device.popErrorScope());
  check(said[0] === 'GPUValidationError' && said[2] === null && said[6] === null, `error scopes: ${said}`);
  return Buffer.from(JSON.stringify(said));
}

// The draw's and the dispatch's arguments come from a shader.
async function indirect() {
  const usage = GPUBufferUsage.INDIRECT | storage;
  const args = device.createBuffer({ size: 64, usage });
  const result = device.createBuffer({ size: 1024, usage: storage });
  const indices = device.createBuffer({ size: 8, usage: GPUBufferUsage.INDEX | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(indices, 0, new Uint16Array([0, 1, 2, 0]));
  const fill = computePipeline(`
    override instances: u32;
    @group(0) @binding(0) var<storage, read_write> args: array<u32, 16>;
    @compute @workgroup_size(1) fn main() {
      args[0] = 3u; args[1] = instances;              // draw
      args[5] = 3u; args[6] = 2u;                     // drawIndexed
      args[12] = 2u; args[13] = 2u; args[14] = 1u;    // dispatch
    }`, { instances: 7 });
  const count = computePipeline(`
    @group(0) @binding(0) var<storage, read_write> result: array<atomic<u32>>;
    @compute @workgroup_size(64) fn main(@builtin(local_invocation_index) i: u32) { atomicAdd(&result[i], i + 1u); }`);
  const pipeline = trianglePipeline();
  const texture = makeTarget();
  const encoder = device.createCommandEncoder();
  let pass = encoder.beginComputePass();
  pass.setPipeline(fill);
  pass.setBindGroup(0, bind(fill, [{ buffer: args }]));
  pass.dispatchWorkgroups(1);
  pass.setPipeline(count);
  pass.setBindGroup(0, bind(count, [{ buffer: result }]));
  pass.dispatchWorkgroupsIndirect(args, 48);
  pass.end();
  pass = encoder.beginRenderPass({ colorAttachments: [{ view: texture.createView(), loadOp: 'clear', storeOp: 'store' }] });
  pass.setPipeline(pipeline);
  pass.drawIndirect(args, 0);
  pass.setIndexBuffer(indices, 'uint16');
  pass.setViewport(64, 64, 64, 64, 0, 1);
  pass.drawIndexedIndirect(args, 20);
  pass.end();
  device.queue.submit([encoder.finish()]);
  const sums = new Uint32Array((await readBack(device, result, 1024)).buffer);
  check(sums[0] === 4 && sums[63] === 256, `indirect dispatch: ${sums[0]} ${sums[63]}`);
  return Buffer.concat([new Uint8Array(sums.buffer), await readTexture(device, texture)]);
}

// Many submissions before the first wait, with their readbacks mapped in any order; two devices, one's uploads from
// mapped memory beside the other's queue writes.
async function manyInFlight() {
  const second = await makeDevice();
  const size = 16384, jobs = [];
  for (let job = 0; job < 48; ++job) {
    const owner = job % 3 ? device : second;
    const source = owner.createBuffer({ size, usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
      mappedAtCreation: job % 2 === 0 });
    const words = new Uint32Array(size / 4).map((_, i) => Math.imul(i ^ job, 2246822519));
    if (job % 2 === 0) {
      new Uint32Array(source.getMappedRange()).set(words);
      source.unmap();
    } else {
      owner.queue.writeBuffer(source, 0, words);
    }
    const target = owner.createBuffer({ size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
    const encoder = owner.createCommandEncoder();
    encoder.copyBufferToBuffer(source, 0, target, size / 2, size / 2);
    encoder.copyBufferToBuffer(source, size / 2, target, 0, size / 2);
    owner.queue.submit([encoder.finish()]);
    jobs.push({ target, mapped: target.mapAsync(GPUMapMode.READ), done: owner.queue.onSubmittedWorkDone() });
  }
  const parts = [];
  for (const { target, mapped, done } of jobs.reverse()) {
    await Promise.all([mapped, done]);
    parts.push(Buffer.from(new Uint8Array(target.getMappedRange()).slice()));
    target.destroy();
  }
  check(second.failures.length === 0, second.failures.join('\n'));
  second.destroy();
  const lost = await second.lost;
  check(lost.reason === 'destroyed', `the second device was lost: ${lost.reason}`);
  return Buffer.concat(parts);
}

const parts = [];
for (const part of [storageTextures, timestampQueries, occlusionQueries, renderBundles, errorScopes, indirect,
  manyInFlight]) {
  parts.push(await part());
  console.log(`${part.name}: ${parts.at(-1).length} bytes`);
}
await finish(device, parts);
