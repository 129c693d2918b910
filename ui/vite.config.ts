import { svelte } from '@sveltejs/vite-plugin-svelte'
import tailwindcss from '@tailwindcss/vite'
import { defineConfig } from 'vitest/config'

// The output goes to dist/, which is committed and embedded in the Go binary, so
// a build must give the same bytes every time. Nothing is inlined into the HTML
// or as data: URL, because the server's Content-Security-Policy forbids both.
export default defineConfig({
  plugins: [tailwindcss(), svelte()],
  base: './',
  build: {
    target: 'es2022',
    outDir: 'dist',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    chunkSizeWarningLimit: 600,
  },
  server: {
    proxy: {
      '/api': { target: process.env.HUB ?? 'http://127.0.0.1:8080', ws: true },
    },
  },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.ts'],
  },
  resolve: {
    alias: { $lib: new URL('./src/lib', import.meta.url).pathname },
    conditions: process.env.VITEST ? ['browser'] : undefined,
  },
})
