import { mount } from 'svelte'
import './app.css'
import App from './App.svelte'
import { clock } from './lib/format.svelte'
import { keys } from './lib/keys'
import { typeAhead } from './lib/typeahead'

clock.start()
addEventListener('keydown', (e) => typeAhead.handle(e), true)
addEventListener('pointerdown', () => typeAhead.take(), true)
addEventListener('keydown', (e) => keys.handle(e))
mount(App, { target: document.getElementById('app')! })
