import { svelte } from '@sveltejs/vite-plugin-svelte'
import tailwindcss from '@tailwindcss/vite'
import { gzipSync } from 'node:zlib'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'
import { later } from './src/lib/i18n/en.later'

/** The scripts that the inbox needs before it shows anything, compressed: no more than this. */
const FIRST_LOAD = 120_000

/** Adds up what the browser fetches for the first sight of the inbox, and refuses too much of it, and texts that come later. */
function firstLoad(): Plugin {
  return {
    name: 'first-load',
    apply: 'build',
    writeBundle(_, bundle) {
      const chunks = Object.values(bundle).filter((c) => c.type === 'chunk')
      const needed = new Set<string>()
      const need = (file: string) => {
        if (needed.has(file)) return
        needed.add(file)
        chunks.find((c) => c.fileName === file)?.imports.forEach(need)
      }
      for (const c of chunks) if (c.isEntry || c.facadeModuleId?.endsWith('/inbox/Inbox.svelte')) need(c.fileName)
      const first = chunks.filter((c) => needed.has(c.fileName))
      const size = first.reduce((n, c) => n + gzipSync(c.code).length, 0)
      this.info(`first load of the inbox: ${(size / 1000).toFixed(1)} kB of scripts, gzip`)
      if (size > FIRST_LOAD) this.error(`the first load of the inbox has ${size} bytes of scripts, ${FIRST_LOAD} are allowed: fetch later (lib/later.svelte.ts) what it does not show`)
      const early = Object.keys(later).filter((key) => first.some((c) => ['"', "'", '`'].some((q) => c.code.includes(q + key + q))))
      if (early.length > 0) this.error(`the first load of the inbox shows texts that come later: move them to a catalogue of lib/i18n/en.ts: ${early.join(' ')}`)
    },
  }
}

// The output goes to dist/, which is committed and embedded in the Go binary, so
// a build must give the same bytes every time. Nothing is inlined into the HTML
// or as data: URL, because the server's Content-Security-Policy forbids both.
export default defineConfig({
  plugins: [tailwindcss(), svelte(), firstLoad()],
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
    setupFiles: ['src/lib/i18n/texts.setup.ts'],
  },
  resolve: {
    alias: { $lib: new URL('./src/lib', import.meta.url).pathname },
    conditions: process.env.VITEST ? ['browser'] : undefined,
  },
})
