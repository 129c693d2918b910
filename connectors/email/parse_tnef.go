package email

func (p *parser) unpackTNEF() {}
