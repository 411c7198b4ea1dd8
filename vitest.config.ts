import {defineConfig} from 'vitest/config'

export default defineConfig({
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    include: ['test/**/*.test.{ts,tsx}'],
    // oclif and the gateway write to the real streams; an interceptor would hide it from captures.
    disableConsoleIntercept: true,
    // Two cores: more workers only slow the containers that the tests wait for.
    maxWorkers: 2,
    // What is waited for may take long on a busy machine; the default is a second.
    expect: {poll: {timeout: 60_000}},
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
})
