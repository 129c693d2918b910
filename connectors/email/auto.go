package email

type autoSigns struct{}

func (p *parser) classify() {}
