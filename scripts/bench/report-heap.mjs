// Loaded before a program that is measured: on SIGUSR2 it collects garbage and says on stderr what is left, in bytes.
process.on('SIGUSR2', () => {
  globalThis.gc()
  process.stderr.write(`> heap ${process.memoryUsage().heapUsed}\n`)
})
