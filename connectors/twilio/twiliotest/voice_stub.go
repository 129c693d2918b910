package twiliotest

type Call struct{}
type Recording struct{}
type queue struct{}
type conference struct{}

func (s *Server) callsResource(rq *apiRequest) (answer, *apiError) { return answer{}, notFound("") }
func (s *Server) recordingsResource(rq *apiRequest) (answer, *apiError) {
	return answer{}, notFound("")
}
func (s *Server) queuesResource(rq *apiRequest) (answer, *apiError) { return answer{}, notFound("") }
func (s *Server) conferencesResource(rq *apiRequest) (answer, *apiError) {
	return answer{}, notFound("")
}
