package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"
)

const cookieName = "throughline"

func (s *Server) problem(ctx context.Context, err error) error { return err }

func adviseOnValidation(ctx huma.Context, status string, v any) (any, error) { return v, nil }
