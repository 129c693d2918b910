import { mount } from 'svelte'
import './app.css'
import App from './App.svelte'
import { clock } from './lib/format.svelte'
import { keys } from './lib/keys'

clock.start()
addEventListener('keydown', (e) => keys.handle(e))
mount(App, { target: document.getElementById('app')! })
