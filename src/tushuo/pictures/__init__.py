"""Pictures in any form to RGB pixels."""
